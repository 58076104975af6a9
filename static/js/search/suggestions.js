/**
 * A list of suggestions below a search box. The server says what the reader may see; here it is only
 * shown, as text.
 */

const PAUSE_MS = 120;
const KINDS = {
  saved: "Saved search",
  recent: "Searched before",
  document: "Document",
  author: "Author",
  folder: "Folder",
  source: "Source",
};

export class Suggestions {
  constructor(form) {
    this.address = form.dataset.suggest;
    this.box = form.querySelector("input[type=search]");
    this.list = form.querySelector("[role=listbox]");
    this.said = document.getElementById("suggestions-said");
    this.at = -1;
    this.asked = 0;
    const attributes = {
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": this.list.id,
    };
    for (const [name, value] of Object.entries(attributes)) this.box.setAttribute(name, value);
    this.box.addEventListener("input", () => this.ask());
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("blur", () => setTimeout(() => this.left(), 150));
    // The box keeps the focus, and so the list stays open until the click has arrived.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const chosen = event.target.closest("[role=option]");
      if (chosen) location.assign(chosen.dataset.address);
    });
  }

  ask() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(), PAUSE_MS);
  }

  async fetch() {
    const typed = this.box.value.trim();
    const asked = ++this.asked;
    if (!typed) return this.close();
    let found = [];
    try {
      const answer = await fetch(`${this.address}?${new URLSearchParams({ q: typed })}`, {
        headers: { Accept: "application/json" },
      });
      if (answer.ok) found = (await answer.json()).suggestions;
    } catch {
      // Suggestions are a convenience: without an answer the box is a box.
    }
    if (asked === this.asked && document.activeElement === this.box) this.show(found);
  }

  show(found) {
    this.at = -1;
    this.box.removeAttribute("aria-activedescendant");
    this.list.replaceChildren(...found.map((one, number) => option(one, number)));
    this.list.hidden = found.length === 0;
    this.box.setAttribute("aria-expanded", String(found.length > 0));
    this.said.textContent =
      found.length === 0 ? "" : `${found.length} suggestion${found.length === 1 ? "" : "s"}`;
  }

  close() {
    this.asked += 1;
    clearTimeout(this.timer);
    if (!this.list.hidden) this.show([]);
  }

  left() {
    // Whoever has come back meanwhile types again, and waits for an answer.
    if (document.activeElement !== this.box) this.close();
  }

  key(event) {
    if (this.list.hidden) return;
    const options = [...this.list.children];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      // Beyond the last one stands the box itself.
      const places = options.length + 1;
      this.choose(options, ((this.at + 1 + step + places) % places) - 1);
    } else if (event.key === "Enter" && this.at >= 0) {
      event.preventDefault();
      options[this.at].click();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    }
  }

  choose(options, at) {
    this.at = at;
    for (const [number, each] of options.entries()) {
      each.setAttribute("aria-selected", String(number === at));
    }
    if (at < 0) {
      this.box.removeAttribute("aria-activedescendant");
    } else {
      this.box.setAttribute("aria-activedescendant", options[at].id);
      options[at].scrollIntoView({ block: "nearest" });
    }
  }
}

function option(one, number) {
  const item = document.createElement("li");
  item.id = `suggestion-${number}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  item.dataset.address = one.url;
  item.append(
    part("suggestion-kind", KINDS[one.kind] ?? ""),
    part("suggestion-label", one.label),
    part("suggestion-detail", one.detail),
  );
  return item;
}

function part(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
