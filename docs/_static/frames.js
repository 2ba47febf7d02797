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
  // A frame that comes into sight is asked once more: out of sight it may not have noticed its height.
  const seen = new IntersectionObserver((found) => {
    for (const { isIntersecting, target } of found) if (isIntersecting) tell(target);
  });
  frames.forEach((frame) => seen.observe(frame));
  new MutationObserver(() => frames.forEach(tell)).observe(document.body, { attributeFilter: ["data-theme"] });
});
