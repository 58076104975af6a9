// Keeps the runs on the page up to date while one of them waits or works.
// Cells carry data-run and data-part; their HTML comes from /admin/sync_events/syncrun/live/.
(() => {
  const PERIOD_MS = 2000;
  const ENDPOINT = "/admin/sync_events/syncrun/live/";
  const UNFINISHED = ["Queued", "Running"];

  const cells = () => [...document.querySelectorAll("[data-run][data-part]")];

  const isUnfinished = (cell) =>
    cell.dataset.part === "state" && UNFINISHED.includes(cell.textContent.trim());

  function statusRegion() {
    let region = document.getElementById("kw-live-status");
    if (!region) {
      region = document.createElement("div");
      region.id = "kw-live-status";
      region.className = "kw-hidden";
      region.setAttribute("role", "status");
      (document.getElementById("main") || document.body).append(region);
    }
    return region;
  }

  function show(cell, html) {
    if (cell.innerHTML !== html) cell.innerHTML = html;
  }

  function update(runs) {
    const spoken = new Set();
    for (const cell of cells()) {
      const parts = runs[cell.dataset.run];
      if (!parts) continue;
      const before = cell.textContent.trim();
      show(cell, parts[cell.dataset.part]);
      // Progress is looked at; only a change of state is said.
      if (cell.dataset.part === "state" && cell.textContent.trim() !== before) {
        spoken.add(parts.spoken);
      }
    }
    if (spoken.size) statusRegion().textContent = [...spoken].join(". ");
  }

  async function ask() {
    const ids = [...new Set(cells().map((cell) => cell.dataset.run))].slice(0, 100);
    const query = new URLSearchParams(ids.map((id) => ["run", id]));
    const response = await fetch(`${ENDPOINT}?${query}`, { headers: { Accept: "application/json" } });
    // Signed out, or out of the organisation: the page stays as it is until it is loaded again.
    if (!response.ok || response.redirected) return false;
    update((await response.json()).runs);
    return true;
  }

  async function follow() {
    let goesOn = cells().some(isUnfinished);
    if (goesOn) statusRegion();
    while (goesOn) {
      await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
      if (document.hidden) continue;
      try {
        goesOn = (await ask()) && cells().some(isUnfinished);
      } catch {
        // The server restarts or the network is gone; the next time may succeed.
      }
    }
  }

  document.addEventListener("DOMContentLoaded", follow);
})();

// Unfold's scrolled areas all carry the same name; each gets its own.
window.addEventListener("load", () => {
  const NAMES = [["#nav-sidebar", "Menu"], ["#changelist-filter", "Filters"], ["#changelist", "List"]];
  for (const area of document.querySelectorAll(".simplebar-content-wrapper")) {
    const [, name] = NAMES.find(([place]) => area.closest(place)) || [];
    if (name) area.setAttribute("aria-label", name);
  }
});
