"use strict";
// What the live run learns from: points of four blobs, each seen in two noisy views. Seeded, so that a seed
// is a run.

// mulberry32: 32 bits of state, the same numbers in every browser.
function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const normals = (uniform) => () =>
  Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());  // Box and Muller

const BLOBS = [[1, 0.65], [-1, 0.65], [-1, -0.65], [1, -0.65]];
const EACH = 40, WITHIN = 0.15, VIEW_NOISE = 0.45;

// Views a and b [N][2], the blob of each sample, and the correlations ρ₁ ≥ ρ₂ of the views. Mean 0, and
// turned and stretched so that the second moment is 1 and the cross moment diag(ρ₁, ρ₂): the rates of D2 are
// then one number each.
function mixture(seed) {
  const normal = normals(uniforms(seed));
  const blob = BLOBS.flatMap((_, c) => new Array(EACH).fill(c));
  const points = blob.map((c) => BLOBS[c].map((v) => v + WITHIN * normal()));
  const [a, b] = [0, 1].map(() => points.map((x) => x.map((v) => v + VIEW_NOISE * normal())));
  const middle = [0, 1].map((i) => (mean(column(a, i)) + mean(column(b, i))) / 2);
  const [p, q] = [a, b].map((view) => view.map((x) => x.map((v, i) => v - middle[i])));
  const moment = (x, y) => [0, 1].map((i) => [0, 1].map((j) => mean(x.map((row, n) => row[i] * y[n][j]))));
  const half = (s, t) => s.map((row, i) => row.map((v, j) => (v + t[i][j]) / 2));
  const second = half(moment(p, p), moment(q, q)), cross = half(moment(p, q), moment(q, p));
  const { values, vectors } = canonical(cross, second);
  const turned = (view) => view.map((x) => vectors.map((v) => v[0] * x[0] + v[1] * x[1]));
  return { a: turned(p), b: turned(q), blob, correlations: values };
}

// v with ½(C + Cᵀ) v = ρ S v and vᵀ S v = 1, for 2 × 2 matrices: whiten by Cholesky, then one rotation.
function canonical(cross, [[s, t], [, u]]) {
  const l11 = Math.sqrt(s), l21 = t / l11, l22 = Math.sqrt(u - l21 * l21);
  const inverse = [[1 / l11, 0], [-l21 / (l11 * l22), 1 / l22]];
  const [[x, y], [, z]] = product(product(inverse, cross), transpose(inverse));
  const angle = Math.atan2(2 * y, x - z) / 2;
  const turn = [[Math.cos(angle), Math.sin(angle)], [-Math.sin(angle), Math.cos(angle)]];
  const values = turn.map(([c, d]) => c * c * x + 2 * c * d * y + d * d * z);
  return { values, vectors: product(turn, inverse) };
}
const transpose = (m) => m[0].map((_, j) => column(m, j));
