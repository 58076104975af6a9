/** Opens a document at the passage that was cited. */

const passage = [...document.querySelectorAll(".block.is-passage")];

if (passage.length > 0) {
  const [first] = passage;
  first.classList.add("is-first");
  passage.at(-1).classList.add("is-last");
  labelFor(first);

  const link = document.querySelector("[data-to-passage]");
  link.hidden = false;
  link.href = `#${first.id}`;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    show(first);
  });
  // Who comes back keeps the place that the browser remembers.
  const [navigation] = performance.getEntriesByType("navigation");
  if (navigation?.type === "navigate" && !location.hash) show(first);
}

/** Tell people who do not see the colour where the passage begins. */
function labelFor(block) {
  const label = document.createElement("p");
  label.className = "passage-label";
  label.textContent = "Cited passage";
  block.prepend(label);
}

function show(block) {
  block.tabIndex = -1;
  block.focus({ preventScroll: true });
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  block.scrollIntoView({ block: "start", behavior: isCalm ? "auto" : "smooth" });
}
