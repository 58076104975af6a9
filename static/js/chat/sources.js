/** Sources stand open beside the answer, and folded under it where there is no room beside. */

const wide = matchMedia("(min-width: 1100px)");

/** @param {HTMLElement} root a turn, or what holds the turns. */
export function foldSourcesWhenNarrow(root) {
  for (const panel of root.querySelectorAll("[data-sources]")) panel.open = wide.matches;
}

wide.addEventListener("change", () => foldSourcesWhenNarrow(document));
