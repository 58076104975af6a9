/**
 * What every page has: menus that close, "/" for the box to type in, times in the reader's zone.
 */

import { localiseTimes } from "./times.js";

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== except) menu.open = false;
  }
}

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details[data-menu]"));
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details[data-menu][open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    return;
  }
  if (event.key === "/" && !isTyping(event)) {
    const box = document.querySelector("[data-slash-focus]");
    if (box) {
      event.preventDefault();
      box.focus();
      box.select?.();
    }
  }
});

/** Whether the key belongs to a field or to a shortcut of the browser. */
function isTyping(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  return event.target.closest?.("input, textarea, select, [contenteditable]") != null;
}

localiseTimes(document);
setInterval(() => localiseTimes(document), 60_000);
