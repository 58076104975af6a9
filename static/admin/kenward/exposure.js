// Shows how far an exposure dry run is, and loads the page once its report is there.
(() => {
  const PERIOD_MS = 1500;

  function announce(text) {
    let region = document.getElementById("kw-live-status");
    if (!region) {
      region = document.createElement("div");
      region.id = "kw-live-status";
      region.className = "kw-hidden";
      region.setAttribute("role", "status");
      document.getElementById("main").append(region);
    }
    if (region.textContent !== text) region.textContent = text;
  }

  async function ask(place) {
    const response = await fetch(place.dataset.live, { headers: { Accept: "application/json" } });
    // Signed out, or out of the organisation: the page stays as it is until it is loaded again.
    if (!response.ok || response.redirected) return false;
    const told = await response.json();
    if (told.is_over) {
      window.location.reload();
      return false;
    }
    if (place.innerHTML !== told.html) place.innerHTML = told.html;
    announce(told.spoken);
    return true;
  }

  async function follow(place) {
    let goesOn = true;
    while (goesOn) {
      await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
      if (document.hidden) continue;
      try {
        goesOn = await ask(place);
      } catch {
        // The server restarts or the network is gone; the next time may succeed.
      }
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("kw-exposure");
    if (place?.dataset.live) follow(place);
  });
})();
