// Keeps the runs on the page up to date while one of them waits or works.
// Cells carry data-run and data-part. Their HTML comes through the socket /ws/sync/ or, while there
// is none, from /admin/sync_events/syncrun/live/ every other second.
(() => {
  const PERIOD_MS = 2000;
  const ENDPOINT = "/admin/sync_events/syncrun/live/";
  const SOCKET = "/ws/sync/";
  // Signed out, or not allowed any more: coming back would change nothing.
  const FINAL_CODES = [4401, 4403];
  const WAITS_MS = [1000, 2000, 5000, 15000, 30000];
  const AT_MOST = 100;

  const shown = new WeakMap();
  const cells = () => [...document.querySelectorAll("[data-run][data-part]")];
  const runIds = () => [...new Set(cells().map((cell) => Number(cell.dataset.run)))].slice(0, AT_MOST);
  const isUnfinished = (cell) => "unfinished" in cell.dataset;
  // Where runs are listed, those that are new are told of; a filtered list leaves some out anyway.
  const listsRuns = () =>
    Boolean(document.querySelector("[data-refreshed='running']")) ||
    (location.pathname.endsWith("/sync_events/syncrun/") && location.search === "");

  function statusRegion() {
    let region = document.getElementById("kw-live-status");
    if (!region) {
      region = document.createElement("div");
      region.id = "kw-live-status";
      region.className = "kw-hidden";
      region.setAttribute("role", "status");
      (document.querySelector("main") || document.body).append(region);
    }
    return region;
  }

  function say(words) {
    if (words.size) statusRegion().textContent = [...words].join(". ");
  }

  /** Show HTML in a cell; a bar that stays keeps moving. */
  function show(cell, html) {
    if (shown.get(cell) === html) return;
    shown.set(cell, html);
    const next = document.createRange().createContextualFragment(html);
    const bar = cell.querySelector(":scope > progress");
    const nextBar = next.firstElementChild?.matches("progress") ? next.firstElementChild : null;
    if (!bar || !nextBar) {
      cell.replaceChildren(next);
      return;
    }
    if (nextBar.hasAttribute("value")) bar.value = nextBar.value;
    else bar.removeAttribute("value");
    bar.textContent = nextBar.textContent;
    nextBar.remove();
    while (bar.nextSibling) bar.nextSibling.remove();
    cell.append(next);
  }

  function update(runs) {
    const spoken = new Set();
    for (const cell of cells()) {
      const parts = runs[cell.dataset.run];
      if (!parts) continue;
      if ("unfinished" in parts) cell.toggleAttribute("data-unfinished", parts.unfinished);
      const html = parts[cell.dataset.part];
      if (html === undefined) continue;
      const before = cell.textContent.trim();
      show(cell, html);
      // Progress is looked at; only a change of state is said.
      if (cell.dataset.part === "state" && cell.textContent.trim() !== before && parts.spoken) {
        spoken.add(parts.spoken);
      }
    }
    say(spoken);
    refreshEnded();
  }

  /** A run that only asked for changes, and heard of none, is deleted at its end. */
  function forget(ids) {
    for (const cell of cells().filter((cell) => ids.includes(Number(cell.dataset.run)))) {
      cell.removeAttribute("data-unfinished");
      if (cell.dataset.part === "state") show(cell, "Nothing had changed");
    }
    refreshEnded();
  }

  let wasUnfinished = false;
  let isRefreshing = false;

  /** Fetch those parts anew that only the server knows; return whether any could be replaced. */
  async function refresh() {
    if (isRefreshing || !document.querySelector("[data-refreshed]")) return false;
    isRefreshing = true;
    let isNew = false;
    try {
      const response = await fetch(location.href);
      if (!response.ok || response.redirected) return false;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const part of document.querySelectorAll("[data-refreshed]")) {
        const next = page.querySelector(`[data-refreshed="${part.dataset.refreshed}"]`);
        // Somebody reads in it, or is about to follow a link.
        if (!next || part.contains(document.activeElement)) continue;
        part.replaceWith(next);
        isNew = true;
      }
    } finally {
      isRefreshing = false;
    }
    return isNew;
  }

  function refreshEnded() {
    const isNow = cells().some(isUnfinished);
    if (wasUnfinished && !isNow) refresh().then((isNew) => isNew && watch(), () => {});
    wasUnfinished = isNow;
  }

  /** Say that there are newer runs: quietly on a list, where rows may be ticked, else by showing them. */
  async function tellNewer(count) {
    if (document.querySelector("[data-refreshed='running']")) {
      // Otherwise the same number would come again and again.
      if (count && (await refresh())) watch();
      return;
    }
    let note = document.getElementById("kw-newer");
    if (!count) {
      note?.remove();
      return;
    }
    if (!note) {
      note = document.createElement("p");
      note.id = "kw-newer";
      note.className = "kw-newer";
      const link = document.createElement("a");
      link.className = "kw-link";
      link.href = location.pathname;
      note.append(link);
      const content = document.getElementById("content");
      content?.prepend(note);
    }
    note.firstElementChild.textContent = count === 1 ? "Show 1 newer sync" : `Show ${count} newer syncs`;
  }

  let socket = null;
  let failures = 0;
  let hasEnded = false;

  function watch() {
    wasUnfinished = cells().some(isUnfinished);
    if (socket?.readyState !== WebSocket.OPEN) return;
    const runs = runIds();
    const told = Number(document.querySelector("[data-newest]")?.dataset.newest ?? 0);
    const newest = listsRuns() ? Math.max(told, ...runs) : null;
    socket.send(JSON.stringify({ type: "watch", runs, newest }));
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${SOCKET}`);
    socket.addEventListener("open", () => {
      failures = 0;
      watch();
    });
    socket.addEventListener("message", (event) => {
      const frame = JSON.parse(event.data);
      if (frame.runs) update(frame.runs);
      if (frame.gone) forget(frame.gone);
      if ("newer" in frame) tellNewer(frame.newer).catch(() => {});
    });
    socket.addEventListener("close", ({ code }) => {
      hasEnded = FINAL_CODES.includes(code);
      if (!hasEnded) setTimeout(connect, WAITS_MS[Math.min(failures++, WAITS_MS.length - 1)]);
    });
  }

  async function ask() {
    const ids = runIds();
    const query = new URLSearchParams(ids.map((id) => ["run", id]));
    const response = await fetch(`${ENDPOINT}?${query}`, { headers: { Accept: "application/json" } });
    // Signed out, or out of the organisation: the page stays as it is until it is loaded again.
    if (!response.ok || response.redirected) return false;
    const { runs } = await response.json();
    update(runs);
    forget(ids.filter((id) => !(id in runs)));
    return true;
  }

  /** Ask while there is no socket: behind a proxy that passes none on, or while the server restarts. */
  async function poll() {
    let mayAsk = true;
    while (mayAsk && !hasEnded) {
      await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
      const isPushed = socket?.readyState === WebSocket.OPEN;
      if (document.hidden || isPushed || !cells().some(isUnfinished)) continue;
      try {
        mayAsk = await ask();
      } catch {
        // The server restarts or the network is gone; the next time may succeed.
      }
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!cells().length && !listsRuns()) return;
    statusRegion();
    wasUnfinished = cells().some(isUnfinished);
    if (wasUnfinished || listsRuns()) connect();
    poll();
  });
})();

// Unfold's scrolled areas all carry the same name; each gets its own.
window.addEventListener("load", () => {
  const NAMES = [["#nav-sidebar", "Menu"], ["#changelist-filter", "Filters"], ["#changelist", "List"]];
  for (const area of document.querySelectorAll(".simplebar-content-wrapper")) {
    const [, name] = NAMES.find(([place]) => area.closest(place)) || [];
    if (name) area.setAttribute("aria-label", name);
  }
});
