"use strict";
// The third part: a run in this browser, with its knobs and buttons.

const SCENARIOS = {
  order: { label: "all in order", constraint: "batch", ratio: 0.4, center: 0.3 },
  free: { label: "no constraint", constraint: "none", ratio: 0.4, center: 0.3 },
  flat: { label: "no sharpening", constraint: "batch", ratio: 1, center: 0.3 },
  slow: { label: "centre too slow", constraint: "moving", ratio: 0.4, center: 2 },
};
const PER_FRAME = 2, LAST = 3000, FIRST_SEEN = 500;
let live = null, since = 0, going = false;  // since: the step at which a knob was last moved

const liveSettings = () => ({
  constraint: document.querySelector("input[name=constraint]:checked").value,
  ratio: Number(element("live-ratio").value), centerMomentum: momentumOf("live-center"),
});

function drawLive() {
  const settings = liveSettings(), { shares, prior, information } = live.history.at(-1);
  const numbers = shares.map((v) => v.toFixed(2));
  say("live-ratio", settings.ratio.toFixed(2));
  say("live-center", settings.centerMomentum.toFixed(4));
  element("live-center").disabled = settings.constraint !== "moving";
  placeTick("live-center", predict(live.data.correlations, settings).critical);
  element("live-step").textContent = live.step.toLocaleString("en");
  element("shares").replaceChildren(...numbers.map((v, k) =>
    make("span", { className: `share k${k}` }, `${k + 1}: ${v}`)));
  element("regions").setAttribute("aria-label", `Step ${live.step}. Shares of the clusters `
    + `${numbers.join(", ")}; entropy of the prior ${prior.toFixed(2)}, information `
    + `${information.toFixed(2)} nats.`);
  const colours = [...element("colours").children].map((e) => getComputedStyle(e).backgroundColor);
  drawRegions(element("regions"), colours, live, settings);
  drawCurves(element("curves"), live, since);
  fillPrediction(comparison(live, since, settings));
}

function fillPrediction(rows) {
  element("prediction").tBodies[0].replaceChildren(...rows.map(([name, ...cells]) => {
    const tr = make("tr", {});
    tr.append(make("th", { scope: "row" }, name), ...cells.map((text) => make("td", {}, text)));
    [...tr.cells].slice(1).forEach((td, i) => { td.dataset.column = ["theory says", "this run"][i]; });
    return tr;
  }));
}

function advance(steps) {
  const settings = liveSettings();
  for (let i = 0; i < steps && live.step < LAST; i++) live = trainStep(live, settings);
  drawLive();
}

function frame() {
  if (!going) return;
  advance(PER_FRAME);
  if (live.step >= LAST) halt();
  else requestAnimationFrame(frame);
}

// What a screen reader hears when the run halts; while it goes it is silent.
function halt() {
  going = false;
  element("run").textContent = "Run";
  element("live-status").textContent = `Step ${live.step}: ${happened(live.history)}.`;
}

function toggle() {
  if (going) return halt();
  if (live.step >= LAST) restart();
  going = true;
  element("run").textContent = "Pause";
  element("live-status").textContent = "Running.";
  return requestAnimationFrame(frame);
}

function restart() {
  live = startRun(Math.trunc(Number(element("seed").value)) || 0);
  since = 0;
  drawLive();
}

function chooseScenario({ constraint, ratio, center }) {
  document.querySelector(`input[name=constraint][value=${constraint}]`).checked = true;
  element("live-ratio").value = ratio;
  element("live-center").value = center;
  restart();
  if (!going) toggle();
}

element("scenarios").append(...Object.values(SCENARIOS).map((scenario) => {
  const button = make("button", { type: "button" }, scenario.label);
  button.addEventListener("click", () => chooseScenario(scenario));
  return button;
}));
element("run").addEventListener("click", toggle);
element("step").addEventListener("click", () => { advance(10); halt(); });
element("restart").addEventListener("click", () => { restart(); if (!going) halt(); });
element("seed").addEventListener("change", restart);
for (const input of document.querySelectorAll("#live-knobs input:not(#seed)")) {
  input.addEventListener("input", () => { since = live.step; drawLive(); });
}
restart();
advance(FIRST_SEEN);
keepDrawn(drawLive);
