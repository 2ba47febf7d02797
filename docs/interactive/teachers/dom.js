"use strict";
// What the three parts of the page share: elements, sliders and their words, the theme, and when to draw
// again.

const element = (id) => document.getElementById(id);
const make = (tag, attributes, text = "") =>
  Object.assign(document.createElement(tag), attributes, { textContent: text });

// A slider's value in words, on the page and for a screen reader.
function say(id, text) {
  element(`${id}-value`).textContent = text;
  element(id).setAttribute("aria-valuetext", text);
}

// Sliders of a momentum m stand at −log₁₀(1 − m): 0, 1, 2 … for 0, .9, .99 ….
const momentumOf = (id) => 1 - 10 ** -Number(element(id).value);

// The tick under a momentum's slider, where the critical one is; hidden where the slider does not reach it.
function placeTick(id, momentum) {
  const slider = element(id), at = -Math.log10(1 - momentum);
  const share = (at - Number(slider.min)) / (Number(slider.max) - Number(slider.min));
  const tick = element(`${id}-tick`);
  tick.hidden = !(momentum < 1 && share >= 0 && share <= 1);
  if (!tick.hidden) tick.style.left = `calc(8px + ${share} * (100% - 16px))`;
}

// A page of the site keeps what its reader chose; a browser that keeps nothing shows what the system prefers.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch { /* storage is closed to this page */ }

// Draw now, and again whenever the width or the colours change.
function keepDrawn(draw) {
  let width = 0;
  new ResizeObserver(() => {
    if (document.documentElement.clientWidth === width) return;
    width = document.documentElement.clientWidth;
    draw();
  }).observe(document.documentElement);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.addEventListener("theme", draw);
  draw();
}
