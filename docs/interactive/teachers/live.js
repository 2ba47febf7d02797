"use strict";
// A self-distillation that fits on a page: linear student and teacher, z = Wᵀ(x₁, x₂, 1), in the order of
// DINO's steps.

const OUTPUTS = 4, START = 1e-5, LEARNING_RATE = 0.8, TEACHER_MOMENTUM = 0.8;
const GAIN = LEARNING_RATE / OUTPUTS;  // α = a/τ_s = η/(K τ_s²), and τ_s = 1

function startRun(seed) {
  const data = mixture(seed), normal = normals(uniforms(seed + 1000003));
  const weights = [0, 1, 2].map(() => Array.from({ length: OUTPUTS }, () => START * normal()));
  const run = { seed, data, student: weights, teacher: weights, center: new Array(OUTPUTS).fill(0), step: 0 };
  return { ...run, history: [readings(run, 1)] };
}

const logits = (weights, x) => weights[2].map((b, k) => x[0] * weights[0][k] + x[1] * weights[1][k] + b);
const answer = (z, temperature) => normalize(z.map((v) => v / temperature)).map(Math.exp);

// What is taken from the teacher's scores before its softmax: nothing, their mean now, or a moving average of
// it.
function takenOff(run, constraint, batchMean) {
  if (constraint === "none") return new Array(OUTPUTS).fill(0);
  return constraint === "batch" ? batchMean : run.center;
}

// One step: targets r with the old centre, the centre follows the old teacher, the student steps, the teacher
// follows.
function trainStep(run, { constraint, ratio, centerMomentum }) {
  const { a, b } = run.data;
  const z = [a, b].map((view) => view.map((x) => logits(run.teacher, x)));
  const batchMean = clusters(z[0]).map((k) => mean(column(z.flat(), k)));
  const off = takenOff(run, constraint, batchMean);
  const [ra, rb] = z.map((view) => view.map((row) => answer(row.map((v, k) => v - off[k]), ratio)));
  const gradient = [0, 1, 2].map(() => new Array(OUTPUTS).fill(0));
  for (const [view, target] of [[a, rb], [b, ra]]) {  // each view learns from the other one's teacher
    view.forEach((x, n) => answer(logits(run.student, x), 1).forEach((q, k) => {
      const slope = (q - target[n][k]) / (2 * view.length);
      gradient[0][k] += slope * x[0]; gradient[1][k] += slope * x[1]; gradient[2][k] += slope;
    }));
  }
  const student = run.student.map((row, i) => row.map((v, k) => v - LEARNING_RATE * gradient[i][k]));
  const blend = (old, now, m) => old.map((v, k) => m * v + (1 - m) * now[k]);
  const next = {
    ...run, step: run.step + 1, student,
    teacher: run.teacher.map((row, i) => blend(row, student[i], TEACHER_MOMENTUM)),
    center: blend(run.center, batchMean, centerMomentum),
  };
  next.history = run.history;
  next.history.push(readings(next, ratio));
  return next;
}

// What is seen of a run at one step, of the student's answers q: H(q̄), I, shares q̄; and how long each
// direction is.
function readings(run, ratio) {
  const q = [...run.data.a, ...run.data.b].map((x) => answer(logits(run.student, x), 1));
  const shares = clusters(q).map((k) => mean(column(q, k)));
  const contrast = (row) => Math.hypot(...row.map((v) => v - mean(row)));
  return {
    step: run.step, shares, prior: entropy(shares), information: entropy(shares) - mean(q.map(entropy)),
    lengths: run.student.map(contrast), size: Math.max(...run.teacher.map(contrast)) / ratio,
  };
}

function trained(seed, settings, steps) {
  let run = startRun(seed);
  for (let i = 0; i < steps; i++) run = trainStep(run, settings);
  return run;
}
