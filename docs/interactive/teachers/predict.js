"use strict";
// What section D of the notes says of the live run before it starts, and what is read off the run beside it.

// log of the top eigenvalue of [[1−α, βρ], [μ(1−α), 1−μ+μβρ]], student and teacher along one direction.  [D2]
function growthRate(correlation, { gain, ratio, teacherMomentum }) {
  const alpha = gain, pull = (gain / ratio) * correlation, mu = 1 - teacherMomentum;
  const b = alpha + mu - mu * pull, c = mu * (alpha - pull), root = Math.sqrt(b * b - 4 * c);
  return Math.log1p(b > 0 ? (-2 * c) / (b + root) : (root - b) / 2);
}

// The direction that all points share has correlation 1 without a constraint, 0 with one that is up to date,
// and grows with a moving centre iff the step of D4 does.
function predict(correlations, { constraint, ratio, centerMomentum }) {
  const knobs = { gain: GAIN, ratio, teacherMomentum: TEACHER_MOMENTUM, centerMomentum };
  const critical = criticalMomentum(knobs), { radius, period } = stability(knobs);
  const common = {
    none: () => growthRate(1, knobs), batch: () => Math.log1p(-GAIN), moving: () => Math.log(radius),
  }[constraint]();
  const each = correlations.map((rho) => growthRate(rho, knobs));
  const learnt = correlations.filter((rho) => rho > ratio).length;
  const commonGrows = common > 1e-12, fate = fateOf(learnt, commonGrows, constraint);
  return { rates: [...each, common], learnt, commonGrows, critical, period, fate };
}

function fateOf(learnt, commonGrows, constraint) {
  if (commonGrows && constraint === "none") return "one cluster, or few for long";
  if (commonGrows) return "one cluster, or clusters in turns";
  return learnt ? "clusters are learnt" : "uniform";
}

// Rates per step of the three directions over steps at which scores are small beside the temperature: of what
// is to grow over the last ones; of what is to shrink over early ones, before the squares of what grows reach
// it, at once where the student shrinks by itself. null before there are any, and for what turns with a
// moving centre.
const SMALL = 0.03, WINDOW = 15, SHORT = 8, SETTLED = 20;
function measuredRates(history, since, told, constraint) {
  let last = since;
  while (last + 1 < history.length && history[last].size < SMALL && history[last + 1].size < SMALL) last++;
  return told.rates.map((rate, i) => {
    const common = i === 2, grows = rate > 1e-12;
    if (common && constraint === "moving" && !(grows && told.period === Infinity)) return null;
    const [early, window] = common && constraint === "batch" ? [since, SHORT] : [since + SETTLED, WINDOW];
    const from = grows ? Math.max(early, last - window) : early, to = from + window;
    if (to > last) return null;
    return { from, to, rate: Math.log(history[to].lengths[i] / history[from].lengths[i]) / window };
  });
}

// What has become of a run, in the words of `predict` where there are any.
function happened(history) {
  const { prior, information, size, shares } = history.at(-1);
  if (size < SMALL) return "uniform";
  const missing = Math.log(OUTPUTS) - prior, used = shares.filter((v) => v > 0.05).length;
  if (information >= 0.05) return missing < 0.1 ? "clusters are learnt" : `${used} clusters in use`;
  if (prior < 0.5) return "one cluster";
  return missing < 0.05 ? "uniform" : "all points alike";
}

// Steps from one time to the next that the largest cluster gives way twice: a turn; null where it never did.
function lastTurn(history, since) {
  const leaders = history.map(({ shares }) => shares.indexOf(Math.max(...shares)));
  const gaveWay = (i) => i > since && leaders[i] !== leaders[i - 1] && history[i].size > SMALL;
  const changes = leaders.flatMap((_, i) => (gaveWay(i) ? [i] : []));
  return changes.length < 3 ? null : changes.at(-1) - changes.at(-3);
}
