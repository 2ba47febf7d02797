"use strict";
// The second part: whether a moving centre keeps up, two of its turns, and the critical momentum on the
// slider.

const EVEN = 0.3;  // the axis is nearly linear below this share of the push, logarithmic beyond
const push = (v) => Math.asinh(v / EVEN);
const PUSH_TICKS = [-1000, -30, -1, 0, 1, 30, 1000].map((v) => [v, String(v).replace("-", "−")]);

function drawCenter() {
  const settings = {
    centerMomentum: momentumOf("center"), teacherMomentum: momentumOf("teacher"),
    ratio: Number(element("ratio").value), gain: 10 ** Number(element("gain").value),
  };
  say("center", settings.centerMomentum.toFixed(4));
  say("teacher", settings.teacherMomentum.toFixed(4));
  say("ratio", settings.ratio.toFixed(2));
  say("gain", settings.gain.toPrecision(2));
  const found = stability(settings), critical = criticalMomentum(settings), steps = stepsToShow(found);
  placeTick("center", critical);
  element("critical").textContent = wordsOfCritical(critical, criticalMomentum({ ...settings, gain: 1 }));
  const turns = Number.isFinite(found.period), many = steps.toLocaleString("en");
  const path = trajectory(settings, steps), period = found.period.toFixed(found.period < 20 ? 1 : 0);
  const verdict = `${found.stable ? "The centre keeps up" : "The centre is too slow"}: a push common to all `
    + `samples is multiplied by ${found.radius.toFixed(5)} at each step`
    + `${turns ? `, and turns once in ${period} steps` : ", without turns"}.`;
  element("verdict").textContent = verdict;
  element("verdict").className = found.stable ? "stable" : "unstable";
  element("steps").textContent = turns ? `Two turns, ${many} steps.`
    : `No turns: ${many} steps, in which the push ${found.stable ? "shrinks" : "grows"} about twenty times.`;
  const states = ["student", "teacher", "center"];
  chart(element("trace"), {
    x: { range: [0, steps], ticks: roundTicks(steps), title: "training steps" },
    y: { range: [-1000, 1000], scale: push, ticks: PUSH_TICKS, title: "size, the first push being 1" },
    lines: states.map((kind, j) => ({ kind, points: path.map((x) => [x[0], x[j + 1]]) })),
    label: `The common direction of student, teacher and centre over ${many} steps. ${verdict}`,
  });
}

function wordsOfCritical(momentum, fastest) {
  if (momentum === 1) return "The teacher is not sharpened (τt ≥ τs): any centre that moves will do.";
  if (momentum < 0) return "Here even the centre of the batch before is too old: no momentum is safe.";
  const known = fastest.toFixed(3) === "0.994" ? ", the 0.994 of the other pages" : "";
  return `Critical centre momentum at this α: ${momentum.toFixed(5)} (the tick under the slider). To its left the `
    + `centre keeps up. For the fastest student, α = 1, `
    + (fastest < 0 ? "no momentum is safe." : `it is ${fastest.toFixed(5)}${known}.`);
}

for (const id of ["center", "teacher", "ratio", "gain"]) element(id).addEventListener("input", drawCenter);
keepDrawn(drawCenter);
