"use strict";
// How a live run is drawn: its regions and points, its curves, and what was told beside what happened.

const VIEW = 3, CELLS = 54, SHAPES = ["circle", "square", "diamond", "cross"];

// Background: the cluster of the teacher's answer there, the fainter the less sure it is. Marks: the samples.
function drawRegions(canvas, colours, run, settings) {
  const pen = canvas.getContext("2d"), size = canvas.width;
  const { color, backgroundColor } = getComputedStyle(document.body);
  const place = (v) => ((v / VIEW + 1) / 2) * size, edge = (i) => Math.round((i * size) / CELLS);
  const middle = (i) => ((2 * i + 1) / CELLS - 1) * VIEW;
  const off = takenOff(run, settings.constraint, run.teacher[2]);  // the bias: points have mean 0
  pen.globalAlpha = 1;
  pen.fillStyle = backgroundColor;
  pen.fillRect(0, 0, size, size);
  for (let i = 0; i < CELLS; i++) {
    for (let j = 0; j < CELLS; j++) {
      const z = logits(run.teacher, [middle(i), -middle(j)]).map((v, k) => v - off[k]);
      const r = answer(z, settings.ratio), top = r.indexOf(Math.max(...r));
      pen.globalAlpha = (0.75 * (r[top] - 1 / OUTPUTS)) / (1 - 1 / OUTPUTS);
      pen.fillStyle = colours[top];
      pen.fillRect(edge(i), edge(j), edge(i + 1) - edge(i), edge(j + 1) - edge(j));
    }
  }
  pen.globalAlpha = 0.85;
  pen.strokeStyle = color;
  pen.lineWidth = size / 200;
  const { a, blob } = run.data;
  a.forEach(([x, y], n) => mark(pen, SHAPES[blob[n]], place(x), place(-y), size / 100));
}

function mark(pen, shape, x, y, r) {
  const go = (i) => (i ? "lineTo" : "moveTo");
  const line = (...points) => points.forEach(([a, b], i) => pen[go(i)](x + a * r, y + b * r));
  pen.beginPath();
  if (shape === "circle") pen.arc(x, y, r, 0, 2 * Math.PI);
  if (shape === "square") pen.rect(x - r, y - r, 2 * r, 2 * r);
  if (shape === "diamond") line([-1.3, 0], [0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]);
  if (shape === "cross") { line([-1, -1], [1, 1]); line([-1, 1], [1, -1]); }
  pen.stroke();
}

function drawCurves(svg, { step, history }, since) {
  const shown = Math.max(600, Math.ceil(step / 300) * 300), every = Math.max(1, Math.floor(step / 600));
  const { prior, information } = history.at(-1), kept = history.filter((_, i) => i % every === 0);
  const line = (kind) => ({ kind, points: kept.map((h) => [h.step, h[kind]]) });
  chart(svg, {
    x: { range: [0, shown], ticks: roundTicks(shown), title: "training steps" },
    y: {
      range: [0, 1.5], title: "nats",
      ticks: [[0, "0"], [0.5, "0.5"], [1, "1"], [Math.log(OUTPUTS), `log ${OUTPUTS}`]],
    },
    lines: [line("prior"), line("information")], marks: since ? [{ at: since, text: "knob moved" }] : [],
    height: 260,
    label: `Step ${step}: entropy of the prior ${prior.toFixed(2)}, information ${information.toFixed(2)}.`,
  });
}

const signed = (v) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(4)}`;
const andCommon = (grows) => (grows ? ", and the common one" : "");

// Rows [what, theory says, this run].
function comparison({ data, history }, since, settings) {
  const rho = data.correlations, told = predict(rho, settings), moving = settings.constraint === "moving";
  const seen = measuredRates(history, since, told, settings.constraint), lost = moving && told.commonGrows;
  const rate = (i) => [
    `${signed(told.rates[i])} a step`,
    seen[i] ? `${signed(seen[i].rate)} (steps ${seen[i].from}–${seen[i].to})` : "—",
  ];
  const grown = seen.slice(0, 2).filter((v) => v?.rate > 0).length;
  const turn = lost ? lastTurn(history, since) : null;
  const common = { none: "ρ = 1", batch: "ρ = 0", moving: "by the centre" }[settings.constraint];
  const speed = told.commonGrows ? "too slow" : "keeps up";
  return [
    ["what grows from uniform [D2]",
      `${told.learnt} of 2 directions (ρ > ${settings.ratio.toFixed(2)})${andCommon(told.commonGrows)}`,
      seen[0] && seen[1] ? `${grown} of 2${andCommon(seen[2]?.rate > 0)}` : "—"],
    [`growth left–right, ρ = ${rho[0].toFixed(2)}`, ...rate(0)],
    [`growth up–down, ρ = ${rho[1].toFixed(2)}`, ...rate(1)],
    [`growth common to all points, ${common}`, ...rate(2)],
    ["centre [D4]",
      moving ? `${speed}: critical momentum ${told.critical.toFixed(4)}` : "no moving centre",
      moving ? `momentum ${settings.centerMomentum.toFixed(4)}` : "—"],
    ["one turn, near uniform [D4]",
      lost && Number.isFinite(told.period) ? `${told.period.toFixed(0)} steps` : "no turns",
      turn === null ? "—" : `last: ${turn} steps`],
    ["fate from uniform [D3]", told.fate, happened(history)],
  ];
}
