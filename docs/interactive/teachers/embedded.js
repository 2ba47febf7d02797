"use strict";
// The page in a frame of another one: ?show=collapse shows that section alone, ?show=all every section without
// the heading. The page around it is told the height and tells the theme; messages work where storage does not.

{
  const show = new URLSearchParams(location.search).get("show");
  const main = document.querySelector("main");
  const kept = show === "all" ? "section, .opening" : `section[id="${CSS.escape(show ?? "")}"]`;
  if (show !== null && main.querySelector(`:scope > :is(${kept})`)) {
    document.documentElement.classList.add("embedded");
    for (const part of main.children) part.hidden = !part.matches(kept);
    if (show !== "all") {
      const heading = main.querySelector(`:scope > ${kept} h2`);
      heading.textContent = heading.textContent.replace(/^\d · /, "");
    }
    for (const link of document.querySelectorAll('a[href*=".html"]')) link.target = "_top";
    const tell = () => parent.postMessage({ height: Math.ceil(main.getBoundingClientRect().height) }, "*");
    new ResizeObserver(tell).observe(main);
    // A frame out of sight draws nothing and observes no size: what is written into it changes its height too.
    new MutationObserver(tell).observe(main, { childList: true, characterData: true, subtree: true });
    addEventListener("message", ({ data, source }) => {
      if (source !== parent || !["auto", "dark", "light"].includes(data?.theme)) return;
      document.documentElement.dataset.theme = data.theme;
      document.dispatchEvent(new Event("theme"));
      tell();
    });
  }
}
