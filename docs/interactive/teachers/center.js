"use strict";
// Does a moving centre keep up? One training step along the direction that all samples share:
// theory/dynamics/center.py and stability.py. gain is α = a/τ_s, the share of its way to the goal that the
// student goes in a step; β = α τ_s/τ_t.

const rates = ({ gain, teacherMomentum, centerMomentum, ratio }) =>
  ({ alpha: gain, beta: gain / ratio, mu: 1 - teacherMomentum, gamma: 1 - centerMomentum });

// w' = w + β(v−c) − αw, v' = (1−μ)v + μw', c' = (1−γ)c + γv, on (student, teacher, centre).
function stepMatrix(settings) {
  const { alpha, beta, mu, gamma } = rates(settings);
  const student = [1 - alpha, beta, -beta];
  return [student, student.map((v, i) => mu * v + (i === 1 ? 1 - mu : 0)), [0, gamma, 1 - gamma]];
}

// Eigenvalues 1 + x of the step, from the polynomial of x, whose coefficients come out without cancellation:
// x³ + (α + μ + γ − μβ) x² + (μ(α − β) + αγ + μγ) x + αμγ.
function stability(settings) {
  const { alpha, beta, mu, gamma } = rates(settings);
  const square = alpha + mu + gamma - mu * beta, linear = mu * (alpha - beta) + alpha * gamma + mu * gamma;
  const roots = cubicRoots(square, linear, alpha * mu * gamma).map(([re, im]) => [1 + re, im]);
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

// The slowest safe centre, m* = 1 − γ: (1−α)(1−μ)Aγ² + (A² − αμA − (1−α)(1−μ)βμ)γ = Aμ(β−α), A = α + μ − αμ.
// 1 where the teacher is not sharpened; negative where even the centre of the batch before is too old.
function criticalMomentum(settings) {
  const { alpha, beta, mu } = rates(settings);
  if (beta <= alpha) return 1;
  const slack = (1 - alpha) * (1 - mu), speed = alpha + mu - alpha * mu;
  const square = slack * speed, linear = speed ** 2 - alpha * mu * speed - slack * beta * mu;
  const constant = speed * mu * (beta - alpha);
  const root = Math.sqrt(linear ** 2 + 4 * square * constant);
  return 1 - (linear >= 0 ? (2 * constant) / (linear + root) : (root - linear) / (2 * square));
}

// Two turns of the leading multiplier, however long; without turns, until it has grown or shrunk e³ times.
function stepsToShow({ radius, period }) {
  const steps = Number.isFinite(period) ? 2 * period : 3 / Math.max(Math.abs(Math.log(radius)), 1e-7);
  return Math.max(20, Math.ceil(steps));
}

// At most `points` states [step, student, teacher, centre], equally spaced, from a push of 1 to student and
// teacher.
function trajectory(settings, steps, points = 480) {
  const stride = Math.ceil(steps / points);
  const m = power(stepMatrix(settings), stride);
  const path = [[0, 1, 1, 0]];
  while (path.at(-1)[0] < steps) {
    const [step, ...x] = path.at(-1);
    path.push([step + stride, ...m.map((row) => sum(row.map((v, j) => v * x[j])))]);
    if (Math.max(...path.at(-1).slice(1).map(Math.abs)) > 1e12) break;
  }
  return path;
}

function power(m, n) {
  if (n === 1) return m;
  const half = power(m, Math.floor(n / 2)), whole = product(half, half);
  return n % 2 ? product(whole, m) : whole;
}
const product = (a, b) => a.map((row) => b[0].map((_, j) => sum(row.map((v, i) => v * b[i][j]))));
