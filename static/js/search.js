/**
 * The search page by keyboard: suggestions below the box, arrows from result to result, "?" for help.
 *
 * The box follows the combobox pattern: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
 * Without this file it is a plain form.
 */

import { Suggestions } from "./search/suggestions.js";

const form = document.querySelector("form[data-suggest]");
if (form) {
  new Suggestions(form);
  rememberZone();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const inField = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "?" && !inField) {
    openKeys(event);
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (!inField || isBox(inField))) {
    walk(event, inField);
  }
});

function isBox(field) {
  return field.id === "query";
}

function openKeys(event) {
  const keys = document.querySelector("details[data-keys]");
  if (!keys) return;
  event.preventDefault();
  keys.open = true;
  keys.querySelector("summary").focus();
}

/** Moves the focus to the next result, or the one before; from the box to the first one. */
function walk(event, inField) {
  const results = [...document.querySelectorAll("[data-result]")];
  if (results.length === 0) return;
  const at = results.indexOf(document.activeElement);
  if (at < 0 && !inField && document.activeElement !== document.body) return;
  const next = event.key === "ArrowDown" ? at + 1 : at - 1;
  if (inField && event.key === "ArrowUp") return;
  event.preventDefault();
  if (next < 0) {
    document.getElementById("query")?.focus();
  } else {
    results[Math.min(next, results.length - 1)].focus();
  }
}

/** Tells the server which days "since March" means here. */
function rememberZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `kenward_zone=${zone}; Path=/search/; Max-Age=31536000; SameSite=Lax${secure}`;
}

/* On a narrow screen the facets would stand before the results. */
if (window.matchMedia("(max-width: 63.99rem)").matches) {
  for (const facets of document.querySelectorAll(".found > details[data-facets]")) facets.open = false;
}
