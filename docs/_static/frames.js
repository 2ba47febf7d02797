// Frames of the interactive page are as tall as what they show, and in the theme of the page around them.
window.addEventListener("DOMContentLoaded", () => {
  const frames = [...document.querySelectorAll("iframe.interactive")];
  const tell = (frame) => frame.contentWindow.postMessage({ theme: document.body.dataset.theme || "auto" }, "*");
  window.addEventListener("message", ({ data, source }) => {
    const frame = frames.find((each) => each.contentWindow === source);
    if (frame && Number.isFinite(data?.height)) frame.style.height = `${data.height}px`;
  });
  for (const frame of frames) {
    frame.addEventListener("load", () => tell(frame));
    tell(frame);
  }
  new MutationObserver(() => frames.forEach(tell)).observe(document.body, { attributeFilter: ["data-theme"] });
});
