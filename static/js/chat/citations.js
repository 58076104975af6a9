/** Pointing at [n] lights up source n beside the answer, and pointing at a source its [n]s. */

/** @param {HTMLElement} turns what holds the turns. */
export function lightUpCitations(turns) {
  for (const type of ["mouseover", "focusin"]) turns.addEventListener(type, light);
  for (const type of ["mouseout", "focusout"]) turns.addEventListener(type, () => dim(turns));
}

function light(event) {
  const cite = event.target.closest(".cite");
  const number = cite?.dataset.number ?? event.target.closest(".source")?.dataset.number;
  const turn = event.target.closest("[data-turn]");
  if (!number || !turn) return;
  dim(turn);
  const quoted = CSS.escape(number);
  for (const partner of turn.querySelectorAll(`[data-number="${quoted}"]`)) {
    partner.classList.add("is-lit");
  }
  if (cite) showInPanel(turn.querySelector(`.source[data-number="${quoted}"]`));
}

function dim(root) {
  for (const lit of root.querySelectorAll(".is-lit")) lit.classList.remove("is-lit");
}

/** Scroll the panel to the card, and only the panel: the text under the pointer stays. */
function showInPanel(card) {
  const panel = card?.closest("[data-sources]");
  if (!panel || panel.scrollHeight <= panel.clientHeight) return;
  const view = panel.getBoundingClientRect();
  const place = card.getBoundingClientRect();
  if (place.top < view.top) panel.scrollTop += place.top - view.top - 8;
  if (place.bottom > view.bottom) panel.scrollTop += place.bottom - view.bottom + 8;
}
