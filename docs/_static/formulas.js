// After MathJax: where a formula in a line of text may break, and what must not be parted from it.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  for (const formula of document.querySelectorAll('mjx-container:not([display="true"])')) {
    // Break before relations and binary operators only; `space` is the room that MathJax leaves before them.
    for (const part of formula.querySelectorAll('mjx-math > [space="3"], mjx-math > [space="4"]')) {
      const gap = document.createElement("span");
      gap.className = "may-break";
      gap.textContent = "\u200b";
      part.before(gap);
    }
    // Keep the full stop that follows a formula on its line.
    const outer = formula.closest("span.math") ?? formula;
    const next = outer.nextSibling;
    const mark = next?.nodeType === Node.TEXT_NODE && /^[.,;:!?)\]’]+|^-\w+/.exec(next.data)?.[0];
    if (mark) {
      const kept = document.createElement("span");
      kept.className = "kept-together";
      outer.before(kept);
      kept.append(outer, mark);
      next.data = next.data.slice(mark.length);
    }
  }
  // Several panels side by side keep a readable size on a phone, and scroll.
  for (const image of document.querySelectorAll("div.cell_output img")) {
    if (image.naturalWidth > 800) image.classList.add("panels");
  }
});
