"use strict";
// One kind of picture: axes with titles and ticks, a zero line, lines and marks; drawn at the width there is.

// x and y: { range: [low, high], ticks: [[at, text], …], title, scale? }; lines: [{ kind, points }]; marks:
// [{ at, text }], upright lines; dots: [{ kind, at: [x, y] }]. What leaves the range is cut off.
function chart(svg, { x, y, lines = [], marks = [], dots = [], height = 240, label }) {
  const width = Math.max(280, svg.parentElement.clientWidth);
  const left = 50, right = width - 12, top = 24, bottom = height - 44;
  const along = ({ range, scale = (v) => v }, from, to) => {
    const [low, high] = range.map(scale);
    return (v) => from + ((to - from) * (scale(v) - low)) / (high - low);
  };
  const px = along(x, left, right), py = along(y, bottom, top);
  const within = (v, [low, high]) => v >= low && v <= high;
  const line = (kind, x1, y1, x2, y2) =>
    `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
  const words = (kind, at, base, anchor, text) =>
    `<text class="${kind}" x="${at}" y="${base}" text-anchor="${anchor}">${text}</text>`;
  const path = (points) => points.map(([a, b]) => `${px(a).toFixed(1)},${far(py(b)).toFixed(1)}`).join(" ");
  const far = (v) => clamp(v, -height, 2 * height), clip = `${svg.id}-clip`;
  const parts = [
    `<clipPath id="${clip}"><rect x="${left}" y="${top - 2}" width="${right - left}" `
      + `height="${bottom - top + 4}"/></clipPath>`,
    ...y.ticks.flatMap(([v, text]) => [
      line("grid", left, py(v), right, py(v)), words("tick", left - 6, py(v) + 4, "end", text)]),
    ...x.ticks.flatMap(([v, text]) => [
      line("grid", px(v), bottom, px(v), bottom + 4),
      words("tick", px(v), bottom + 18, px(v) > right - 12 ? "end" : "middle", text)]),
    within(0, y.range) ? line("zero", left, py(0), right, py(0)) : "",
    line("zero", left, top, left, bottom),
    words("title", left, 14, "start", y.title), words("title", right, height - 6, "end", x.title),
    ...marks.filter(({ at }) => within(at, x.range)).flatMap(({ at, text }) => [
      line("mark", px(at), top, px(at), bottom),
      px(at) > width / 2 ? words("tick", px(at) - 5, top + 12, "end", text)
        : words("tick", px(at) + 5, top + 12, "start", text)]),
    ...lines.map(({ kind, points }) =>
      `<polyline clip-path="url(#${clip})" class="${kind}" points="${path(points)}"/>`),
    ...dots.map(({ kind, at: [a, b] }) => `<circle class="${kind}" cx="${px(a)}" cy="${py(b)}" r="4.5"/>`),
  ];
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.setAttribute("aria-label", label);
  svg.innerHTML = parts.join("");
}
const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

// Round numbers from 0 to at most `largest`, about five.
function roundTicks(largest) {
  const rough = largest / 5, unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((v) => v * unit >= rough);
  const ticks = [];
  for (let v = 0; v <= largest; v += step) ticks.push([v, v.toLocaleString("en")]);
  return ticks;
}
