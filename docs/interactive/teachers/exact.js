"use strict";
// The exact (projected) teacher, theory/projection.py: the λ at which every cluster gets its share.

// Newton steps on the concave dual, annealed in the temperature as theory.project does; before each, one of
// Sinkhorn's.
function project(logP) {
  const k = logP[0].length, target = -Math.log(k);
  let lambda = new Array(k).fill(0);
  for (let beta = Math.min(1, 8 / Math.max(...logP.map(osc))); ; beta = Math.min(1, 2 * beta)) {
    const logQ = logP.map((row) => row.map((v) => beta * v));
    for (let step = 0; step < 60; step++) {
      const m = logMean(tilt(logQ, lambda));
      lambda = lambda.map((v, j) => v + target - m[j]);
      const r = exponentials(tilt(logQ, lambda));
      const marginal = clusters(r).map((j) => mean(column(r, j)));
      const gradient = marginal.map((v) => 1 / k - v);
      if (sum(gradient.map(Math.abs)) < 1e-12) break;
      const hessian = marginal.map((mi, i) => marginal.map((mj, j) =>
        (i === j ? mi + 1e-14 : 0) - mean(r.map((row) => row[i] * row[j])) + mi * mj));
      const delta = solve(hessian, gradient);
      const length = osc(delta) > 1 ? Math.log1p(osc(delta)) / osc(delta) : 1;
      lambda = lambda.map((v, j) => v + length * delta[j]);
    }
    if (beta === 1) return lambda;
    lambda = lambda.map((v) => v * Math.min(2, 1 / beta));
  }
}

// Gaussian elimination with pivots.
function solve(matrix, right) {
  const a = matrix.map((row, i) => [...row, right[i]]), n = a.length;
  for (let i = 0; i < n; i++) {
    let p = i;
    for (let j = i + 1; j < n; j++) if (Math.abs(a[j][i]) > Math.abs(a[p][i])) p = j;
    [a[i], a[p]] = [a[p], a[i]];
    for (let j = i + 1; j < n; j++) {
      const f = a[j][i] / a[i][i];
      for (let c = i; c <= n; c++) a[j][c] -= f * a[i][c];
    }
  }
  const x = new Array(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    x[i] = (a[i][n] - sum(a[i].slice(i + 1, n).map((v, j) => v * x[i + 1 + j]))) / a[i][i];
  }
  return x;
}
