"use strict";
// The first part of the page: an ensemble, its four teachers, their distances and the gap.

const WORDS = {
  "unconstrained": "as it is", "centering": "centred", "inverse prior": "inverse prior", "projected": "exact",
};
const TEMPERATURES = Array.from({ length: 41 }, (_, i) => 10 ** (-1.7 + 0.06 * i));
const LOG_TICKS = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5].map((v) => [v, String(v)]);
let chosen = "symmetric", curves = { key: "" };

const settingsOfTeachers = () => ({
  logits: PRESETS[chosen].logits, temperature: 10 ** Number(element("temperature").value),
  bias: Number(element("bias").value),
});

function bar(row, kind) {
  const div = make("div", { className: `row ${kind}` });
  div.append(...row.map((v, k) => make("span", { className: `k${k}`, style: `width: ${100 * v}%` })));
  return div;
}

function panelOf(name, { r, prior }) {
  const panel = make("div", { className: "panel" });
  const rows = make("div", { className: r.length > 8 ? "rows many" : "rows" });
  const shares = prior.map((v) => v.toFixed(2));
  rows.setAttribute("role", "img");
  rows.setAttribute("aria-label", `${WORDS[name]}: ${r.length} samples; shares ${shares.join(", ")}`);
  rows.append(...r.map((row) => bar(row, "sample")), bar(prior, "prior"));
  const small = make("small", {}, "shares ");
  small.append(...shares.map((v, k) => make("span", { className: `share k${k}` }, v)));
  panel.append(make("h3", {}, WORDS[name]), rows, small);
  return panel;
}

function drawDistances(settings, result) {
  const key = `${chosen} ${settings.bias}`;
  if (curves.key !== key) curves = { key, found: distancesAgainst(TEMPERATURES, settings) };
  const line = (kind) => ({ kind, points: curves.found.map((v) => [v.temperature, v[kind]]) });
  const { temperature: tau } = settings, narrow = document.documentElement.clientWidth < 500;
  const [c, i] = [result.centeringToExact.mean, result.inverseToExact.mean];
  const title = "mean distance to the exact teacher";
  chart(element("distances"), {
    x: {
      range: [TEMPERATURES[0], TEMPERATURES.at(-1)], scale: Math.log10, ticks: LOG_TICKS,
      title: "teacher temperature τ (each step right: warmer)",
    },
    y: {
      range: [0, 1], ticks: [0, 0.2, 0.4, 0.6, 0.8, 1].map((v) => [v, v.toFixed(1)]),
      title: narrow ? title : `${title} (0: the same, 1: nothing in common)`,
    },
    lines: [line("centering"), line("inverse")], marks: [{ at: tau, text: `τ = ${tau.toFixed(3)}` }],
    dots: [{ kind: "centering", at: [tau, c] }, { kind: "inverse", at: [tau, i] }],
    label: `Mean distance to the exact teacher against temperature. At ${tau.toFixed(3)}: `
      + `centred ${c.toPrecision(3)}, inverse prior ${i.toPrecision(3)}.`,
  });
}

const GAP_TICKS = [0, 1, 3, 10, 30, 100];
function drawGap({ gap }) {
  const place = (v) => (100 * Math.asinh(v)) / Math.asinh(100);
  const axis = make("div", { className: "axis" });
  axis.append(...GAP_TICKS.map((v) => make("span", { style: `left: ${place(v)}%` }, String(v))));
  element("gap").replaceChildren(...gap.flatMap((v, k) => {
    const track = make("div", { className: "track" }), i = make("i", { className: `k${k}` });
    i.style.width = `${Math.min(place(v), 100)}%`;
    track.append(i);
    const number = make("span", { className: "number" }, v.toPrecision(3));
    return [make("span", {}, `cluster ${k + 1}`), track, number];
  }), make("span", {}, "nats"), axis, make("span", {}));
}

function fill(table, rows) {
  element(table).tBodies[0].replaceChildren(...rows.map(({ name, kind, cells }) => {
    const tr = make("tr", {}), head = make("th", { scope: "row" });
    if (kind) head.append(make("span", { className: `swatch ${kind}` }));
    head.append(name);
    tr.append(head, ...cells.map((text) => make("td", {}, text)));
    return tr;
  }));
}

function drawNumbers(result) {
  const digits = (v) => v.toPrecision(3), both = (v) => [digits(v.mean), digits(v.largest)];
  fill("numbers", [
    { name: "centred → exact", kind: "centering", cells: both(result.centeringToExact) },
    { name: "inverse prior → exact", kind: "inverse", cells: both(result.inverseToExact) },
    { name: "centred → inverse prior", cells: both(result.centeringToInverse) },
    { name: "… at most, tanh(osc J / 4)", cells: ["", digits(result.bound)] },
  ]);
  fill("prices", [
    { name: "osc J, largest gap − smallest", cells: [digits(result.osc)] },
    { name: "mutual information: what the sample tells of its cluster", cells: [digits(result.mutual)] },
    { name: "lautum information (mutual backwards): the price of centering", cells: [digits(result.lautum)] },
  ]);
}

function drawTeachers() {
  const settings = settingsOfTeachers(), result = teachers(settings);
  say("temperature", settings.temperature.toFixed(3));
  say("bias", settings.bias.toFixed(2));
  element("see").textContent = PRESETS[chosen].see;
  const panels = Object.entries(result.teachers).map(([name, found]) => panelOf(name, found));
  element("teachers").replaceChildren(...panels);
  drawNumbers(result);
  drawDistances(settings, result);
  drawGap(result);
}

function choosePreset(name) {
  chosen = name;
  element("temperature").value = Math.log10(PRESETS[name].temperature);
  element("bias").value = PRESETS[name].bias;
  drawTeachers();
}

element("presets").append(...Object.entries(PRESETS).map(([name, { label }]) => {
  const choice = make("label", {});
  const button = make("input", { type: "radio", name: "preset", value: name, checked: name === chosen });
  button.addEventListener("change", () => choosePreset(name));
  choice.append(button, label);
  return choice;
}));
for (const id of ["temperature", "bias"]) element(id).addEventListener("input", drawTeachers);
choosePreset(chosen);
keepDrawn(drawTeachers);
