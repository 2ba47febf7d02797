"use strict";
// Four teachers of one ensemble and how far they are from one another: theory/teachers.py, distances.py.

// Mean over the samples, and the largest, of the share of its mind that a sample changes.
function distance(a, b) {
  const each = a.r.map((row, n) => totalVariation(row, b.r[n]));
  return { mean: mean(each), largest: Math.max(...each) };
}

// logits [N][K]; bias is added to the first cluster of every sample, in units of logits.
function teachers({ logits, temperature, bias }) {
  const logP = logits.map((row) => normalize(row.map((v, k) => (v + (k === 0 ? bias : 0)) / temperature)));
  const uniform = -Math.log(logits[0].length);
  const logPrior = logMean(logP), logGeometric = meanLog(logP);
  const gap = logPrior.map((v, k) => v - logGeometric[k]);
  const tilts = {
    "unconstrained": logGeometric.map(() => 0),
    "centering": logGeometric.map((v) => uniform - v),
    "inverse prior": logPrior.map((v) => uniform - v),
    "projected": project(logP),
  };
  const found = {};
  for (const [name, lambda] of Object.entries(tilts)) {
    const r = exponentials(tilt(logP, lambda));
    found[name] = { r, prior: clusters(r).map((k) => mean(column(r, k))) };
  }
  return {
    teachers: found, gap, osc: osc(gap), bound: Math.tanh(osc(gap) / 4),
    mutual: mean(logP.map((row) => klDivergence(row, logPrior))),
    lautum: mean(logP.map((row) => klDivergence(logPrior, row))),
    centeringToExact: distance(found["centering"], found["projected"]),
    inverseToExact: distance(found["inverse prior"], found["projected"]),
    centeringToInverse: distance(found["centering"], found["inverse prior"]),
  };
}

// Mean distances to the exact teacher at many temperatures, all else kept.
const distancesAgainst = (temperatures, { logits, bias }) => temperatures.map((temperature) => {
  const { centeringToExact, inverseToExact } = teachers({ logits, temperature, bias });
  return { temperature, centering: centeringToExact.mean, inverse: inverseToExact.mean };
});
