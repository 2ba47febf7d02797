"use strict";
try {
  const theme = localStorage.getItem("theme");  // set by the switch on the other pages of the site
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch { /* a browser that keeps nothing shows what the system prefers */ }

// The formulas of theory/teachers.py, ensembles.py, projection.py and dynamics/, for one small ensemble. A test calls
// `teachers` and `stability` in the browser and holds them against theory on random settings.

const LOGITS = [
  [1.2, 0.1, -0.4, -0.9], [0.9, -0.3, 0.2, -0.6], [0.2, 1.1, -0.5, -0.1], [-0.2, 0.8, 0.1, -0.4],
  [0.4, 0.2, 0.9, -0.3], [-0.1, -0.4, 1.0, 0.3], [0.3, 0.0, -0.2, 0.5], [0.6, -0.1, 0.1, 0.2],
];
const sum = (x) => x.reduce((a, b) => a + b, 0);
const lse = (x) => { const m = Math.max(...x); return m + Math.log(sum(x.map((v) => Math.exp(v - m)))); };
const normalize = (x) => { const z = lse(x); return x.map((v) => v - z); };
const column = (rows, k) => rows.map((row) => row[k]);
const clusters = (rows) => rows[0].map((_, k) => k);
const tilt = (logP, lambda) => logP.map((row) => normalize(row.map((v, k) => v + lambda[k])));
const logMean = (rows) => clusters(rows).map((k) => lse(column(rows, k)) - Math.log(rows.length));
const meanLog = (rows) => clusters(rows).map((k) => sum(column(rows, k)) / rows.length);
const klDivergence = (a, b) => sum(a.map((v, k) => Math.exp(v) * (v - b[k])));

// Sinkhorn to convergence by Newton steps on the dual, annealed in the temperature as theory.project does.
function project(logP) {
  const k = logP[0].length, target = -Math.log(k);
  let lambda = new Array(k).fill(0);
  const range = Math.max(...logP.map((row) => Math.max(...row) - Math.min(...row)));
  for (let beta = Math.min(1, 8 / range); ; beta = Math.min(1, 2 * beta)) {
    const logQ = logP.map((row) => row.map((v) => beta * v));
    for (let step = 0; step < 60; step++) {
      const m = logMean(tilt(logQ, lambda));
      lambda = lambda.map((v, j) => v + target - m[j]);
      const r = tilt(logQ, lambda).map((row) => row.map(Math.exp));
      const marginal = clusters(r).map((j) => sum(column(r, j)) / r.length);
      const gradient = marginal.map((v) => 1 / k - v);
      if (sum(gradient.map(Math.abs)) < 1e-12) break;
      const hessian = marginal.map((mi, i) => marginal.map((mj, j) =>
        (i === j ? mi + 1e-14 : 0) - sum(r.map((row) => row[i] * row[j])) / r.length + mi * mj));
      const delta = solve(hessian, gradient);
      const osc = Math.max(...delta) - Math.min(...delta);
      const length = osc > 1 ? Math.log1p(osc) / osc : 1;
      lambda = lambda.map((v, j) => v + length * delta[j]);
    }
    if (beta === 1) return lambda;
    lambda = lambda.map((v) => v * Math.min(2, 1 / beta));
  }
}

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
  for (let i = n - 1; i >= 0; i--) x[i] = (a[i][n] - sum(a[i].slice(i + 1, n).map((v, j) => v * x[i + 1 + j]))) / a[i][i];
  return x;
}

function teachers({ temperature, bias }) {
  const logP = LOGITS.map((row) => normalize(row.map((v, k) => (v + (k === 0 ? bias : 0)) / temperature)));
  const uniform = -Math.log(LOGITS[0].length);
  const logPrior = logMean(logP), logGeometric = meanLog(logP);
  const gap = logPrior.map((v, k) => v - logGeometric[k]);
  const tilts = {
    "unconstrained": logGeometric.map(() => 0),
    "centering": logGeometric.map((v) => uniform - v),
    "inverse prior": logPrior.map((v) => uniform - v),
    "projected": project(logP),
  };
  const result = { gap, osc: Math.max(...gap) - Math.min(...gap), teachers: {} };
  result.mutual = sum(logP.map((row) => klDivergence(row, logPrior))) / logP.length;
  result.lautum = sum(logP.map((row) => klDivergence(logPrior, row))) / logP.length;
  for (const [name, lambda] of Object.entries(tilts)) {
    const r = tilt(logP, lambda).map((row) => row.map(Math.exp));
    result.teachers[name] = { r, prior: clusters(r).map((k) => sum(column(r, k)) / r.length) };
  }
  const distance = (a, b) => Math.max(...a.r.map((row, n) => sum(row.map((v, k) => Math.abs(v - b.r[n][k]))) / 2));
  const t = result.teachers;
  result.distance = distance(t["centering"], t["inverse prior"]);
  result.toProjected = distance(t["centering"], t["projected"]);
  result.bound = Math.tanh(result.osc / 4);
  return result;
}

// w' = w + β(v−c) − αw, v' = (1−μ)v + μw', c' = (1−ρ)c + ρv: theory/center.py.
function stepMatrix({ gain, teacherMomentum, centerMomentum, ratio }) {
  const alpha = gain, beta = gain / ratio, mu = 1 - teacherMomentum, rho = 1 - centerMomentum;
  const student = [1 - alpha, beta, -beta];
  return [student, student.map((v, i) => mu * v + (i === 1 ? 1 - mu : 0)), [0, rho, 1 - rho]];
}

// Eigenvalues 1 + x of the step, from the polynomial of x, whose coefficients come out without cancellation:
// x³ + (α + μ + ρ − μβ) x² + (μ(α − β) + αρ + μρ) x + αμρ.
function stability({ gain, teacherMomentum, centerMomentum, ratio }) {
  const alpha = gain, beta = gain / ratio, mu = 1 - teacherMomentum, rho = 1 - centerMomentum;
  const roots = cubicRoots(alpha + mu + rho - mu * beta, mu * (alpha - beta) + alpha * rho + mu * rho, alpha * mu * rho)
    .map(([re, im]) => [1 + re, im]);
  const lead = roots.reduce((a, b) => (Math.hypot(...b) > Math.hypot(...a) ? b : a));
  const angle = Math.abs(Math.atan2(lead[1], lead[0]));
  const radius = Math.hypot(...lead);
  return { radius, period: angle > 0 ? (2 * Math.PI) / angle : Infinity, stable: radius < 1 };
}

// Roots [re, im] of x³ + b x² + c x + d: one real root by bisection, then a quadratic.
function cubicRoots(b, c, d) {
  const shift = -b / 3, p = c - (b * b) / 3, q = (2 * b ** 3) / 27 - (b * c) / 3 + d;
  const f = (t) => t ** 3 + p * t + q;
  let low = -1 - Math.abs(p) - Math.abs(q), high = -low;
  for (let i = 0; i < 200; i++) { const mid = (low + high) / 2; if (f(mid) > 0) high = mid; else low = mid; }
  const t = (low + high) / 2;
  // t³ + pt + q = (x − t)(x² + tx + p + t²)
  const disc = t * t - 4 * (p + t * t);
  const rest = disc >= 0
    ? [[(-t + Math.sqrt(disc)) / 2, 0], [(-t - Math.sqrt(disc)) / 2, 0]]
    : [[-t / 2, Math.sqrt(-disc) / 2], [-t / 2, -Math.sqrt(-disc) / 2]];
  return [[t, 0], ...rest].map(([re, im]) => [re + shift, im]);
}

function trajectory(settings, steps) {
  const m = stepMatrix(settings);
  let x = [1e-3, 1e-3, 0];
  const out = [];
  for (let i = 0; i < steps; i++) {
    out.push(x);
    x = m.map((row) => sum(row.map((v, j) => v * x[j])));
    if (Math.max(...x.map(Math.abs)) > 1e12) break;
  }
  return out;
}

// -- the page ------------------------------------------------------------------------------------

const element = (id) => document.getElementById(id);
const make = (tag, attributes, text = "") => Object.assign(document.createElement(tag), attributes, { textContent: text });

function bar(row, kind) {
  const div = make("div", { className: `row ${kind}` });
  row.forEach((v, k) => { const s = make("span", { className: `k${k}` }); s.style.width = `${100 * v}%`; div.append(s); });
  return div;
}

function drawTeachers() {
  const temperature = 10 ** Number(element("temperature").value), bias = Number(element("bias").value);
  element("temperature-value").textContent = temperature.toFixed(3);
  element("bias-value").textContent = bias.toFixed(2);
  const result = teachers({ temperature, bias });
  element("teachers").replaceChildren(...Object.entries(result.teachers).map(([name, { r, prior }]) => {
    const panel = make("div", { className: "panel" });
    panel.append(make("h2", {}, name), ...r.map((row) => bar(row, "sample")), bar(prior, "prior"));
    panel.append(make("small", {}, `prior ${prior.map((v) => v.toFixed(2)).join("  ")}`));
    return panel;
  }));
  const largest = Math.max(...result.gap, 1e-12);
  element("gap").replaceChildren(...result.gap.flatMap((v, k) => {
    const i = make("i", { className: `k${k}` });
    i.style.width = `${(100 * v) / largest}%`;
    return [make("span", {}, `cluster ${k + 1}`), i, make("span", {}, v.toPrecision(3))];
  }));
  const rows = [
    ["mutual information I", result.mutual], ["price of centering: lautum information L", result.lautum],
    ["centering to inverse prior, largest TV", result.distance], ["…certified at most tanh(osc J / 4)", result.bound],
    ["centering to projected, largest TV", result.toProjected],
  ];
  element("numbers").firstElementChild.replaceChildren(...rows.map(([name, v]) => {
    const tr = make("tr", {});
    tr.append(make("td", {}, name), make("td", {}, v.toPrecision(3)));
    return tr;
  }));
}

function drawCenter() {
  const momentum = (id) => 1 - 10 ** -Number(element(id).value);
  const settings = {
    centerMomentum: momentum("center"), teacherMomentum: momentum("teacher"),
    ratio: Number(element("ratio").value), gain: 10 ** Number(element("gain").value),
  };
  element("center-value").textContent = settings.centerMomentum.toFixed(4);
  element("teacher-value").textContent = settings.teacherMomentum.toFixed(4);
  element("ratio-value").textContent = settings.ratio.toFixed(2);
  element("gain-value").textContent = settings.gain.toPrecision(2);
  const { radius, period, stable } = stability(settings);
  const turns = Number.isFinite(period) ? `, one turn in ${period.toFixed(0)} steps` : "";
  element("verdict").textContent = `${stable ? "The centre keeps up" : "The centre is too slow"}: `
    + `spectral radius ${radius.toFixed(5)} per step${turns}.`;
  element("verdict").className = stable ? "stable" : "unstable";
  const path = trajectory(settings, 601);
  const largest = Math.max(...path.flat().map(Math.abs));
  const lines = ["student", "teacher", "center"].map((name, j) => {
    const points = path.map((x, i) => `${(720 * i) / (path.length - 1)},${100 - (92 * x[j]) / largest}`).join(" ");
    return `<polyline class="${name}" points="${points}"/>`;
  });
  element("steps").textContent = path.length - 1;
  element("trace").innerHTML = lines.join("");
}

for (const id of ["temperature", "bias"]) element(id).addEventListener("input", drawTeachers);
for (const id of ["center", "teacher", "ratio", "gain"]) element(id).addEventListener("input", drawCenter);
drawTeachers();
drawCenter();
