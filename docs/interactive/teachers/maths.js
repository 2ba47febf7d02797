"use strict";
// Sums in log space and over clusters: theory/logspace.py and theory/ensembles.py, for arrays of rows [N][K].

const sum = (x) => x.reduce((a, b) => a + b, 0);
const mean = (x) => sum(x) / x.length;
const osc = (x) => Math.max(...x) - Math.min(...x);

// log Σ eˣ, and x less that: log-probabilities.
const lse = (x) => { const m = Math.max(...x); return m + Math.log(sum(x.map((v) => Math.exp(v - m)))); };
const normalize = (x) => { const z = lse(x); return x.map((v) => v - z); };

const column = (rows, k) => rows.map((row) => row[k]);
const clusters = (rows) => rows[0].map((_, k) => k);
const exponentials = (rows) => rows.map((row) => row.map(Math.exp));

// The two priors of log p: log P(k), of the arithmetic mean over samples, and log G(k), of the geometric one.
const logMean = (rows) => clusters(rows).map((k) => lse(column(rows, k)) - Math.log(rows.length));
const meanLog = (rows) => clusters(rows).map((k) => mean(column(rows, k)));

// r(k) ∝ p(k) e^λ(k), the one form of all teachers.
const tilt = (logP, lambda) => logP.map((row) => normalize(row.map((v, k) => v + lambda[k])));

const klDivergence = (a, b) => sum(a.map((v, k) => Math.exp(v) * (v - b[k])));
const entropy = (p) => -sum(p.map((v) => (v > 0 ? v * Math.log(v) : 0)));
const totalVariation = (p, q) => sum(p.map((v, k) => Math.abs(v - q[k]))) / 2;
