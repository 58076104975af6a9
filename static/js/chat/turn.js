/** One question with its answer and sources, built from the page's own templates. */

import { localiseTimes, timeAgo } from "../times.js";

/**
 * Clone one of the page's templates.
 *
 * @param {string} name
 * @returns {HTMLElement}
 */
export function fromTemplate(name) {
  const template = document.querySelector(`template[data-template="${name}"]`);
  return template.content.firstElementChild.cloneNode(true);
}

/** A turn that is being answered. */
export class Turn {
  #part;
  #streamed = "";
  #isDrawing = false;
  #hasGap = false;
  #hasSources = false;
  #isOver = false;

  /** @param {string} question */
  constructor(question) {
    this.question = question;
    this.element = fromTemplate("turn");
    this.#part = (name) => this.element.querySelector(`[data-${name}]`);
    this.#part("question").textContent = question;
    setTime(this.element.querySelector(".question time"), new Date());
    this.#part("answer").setAttribute("aria-busy", "true");
    this.element.dataset.state = "waiting";
    this.progress("Looking through what you may read");
  }

  /** Say what is going on before the first word is there; an empty text says nothing. */
  progress(text) {
    const line = this.#part("progress");
    line.hidden = text === "";
    line.textContent = text;
  }

  /** Show the passages that the answer will rest on. */
  showSources(sources) {
    this.#hasSources = true;
    const list = this.#part("source-list");
    list.replaceChildren(...sources.map(sourceCard));
    this.#part("sources-count").textContent = String(sources.length);
    this.#part("sources").hidden = sources.length === 0;
    const noun = sources.length === 1 ? "passage" : "passages";
    if (!this.#streamed && sources.length) this.progress(`Reading ${sources.length} ${noun}`);
  }

  /** Add streamed text; always as text, never as markup. */
  append(text, afterDrawing) {
    this.#streamed += text;
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      if (this.#isOver) return;
      this.progress("");
      const target = this.#part("text");
      target.classList.add("is-streaming");
      target.textContent = this.#streamed;
      afterDrawing();
    });
  }

  /** Note that frames are missing. */
  markGap() {
    if (this.#hasGap) return;
    this.#hasGap = true;
    this.#part("answer").append(fromTemplate("gap"));
  }

  /**
   * Replace what streamed in by the finished answer.
   *
   * @param {{html: string, outcome: string, notice?: string, cited?: number[]}} frame its html was
   *   sanitised by the server.
   * @returns {string} the answer as text, for announcing it.
   */
  finish({ html, outcome, notice = "", cited = [] }) {
    this.#end(outcome);
    const text = this.#part("text");
    text.innerHTML = html;
    this.#part("notice").textContent = notice;
    this.#part("notice").hidden = notice === "";
    this.#part("actions").hidden = html === "";
    const numbers = new Set(cited.map(String));
    for (const card of this.element.querySelectorAll(".source")) {
      card.classList.toggle("is-cited", numbers.has(card.dataset.number));
    }
    // The finished answer is whole; only sources that never came are still missing.
    if (this.#hasSources || numbers.size === 0) this.element.querySelector("[data-gap]")?.remove();
    return [text.textContent.trim(), notice].filter(Boolean).join(" ");
  }

  /** Show that there is no answer, and why; what streamed so far is not one and goes. */
  fail({ message, hint = "", retryable = true }) {
    this.#end("failed");
    this.#part("text").textContent = "";
    this.#part("sources").hidden = true;
    this.element.querySelector("[data-gap]")?.remove();
    const box = fromTemplate("error");
    box.setAttribute("role", "alert");
    box.querySelector("[data-error-message]").textContent = message;
    box.querySelector("[data-error-hint]").textContent = hint;
    box.querySelector("[data-error-hint]").hidden = hint === "";
    box.querySelector("[data-retry]").hidden = !retryable;
    this.#part("answer").append(box);
  }

  #end(state) {
    this.#isOver = true;
    this.progress("");
    this.element.dataset.state = state;
    this.#part("text").classList.remove("is-streaming");
    this.#part("answer").setAttribute("aria-busy", "false");
  }
}

function sourceCard(source) {
  const card = fromTemplate("source");
  const part = (name) => card.querySelector(`[data-source-${name}]`);
  card.dataset.number = source.number;
  part("number").textContent = source.number;
  part("link").textContent = source.title;
  part("link").href = source.url;
  part("name").textContent = source.source;
  part("path").replaceChildren(...pathParts(source.path));
  part("snippet").textContent = source.snippet;
  if (source.modified_at) {
    setTime(part("age").querySelector("time"), new Date(source.modified_at));
    part("age").hidden = false;
  }
  if (source.receipt) showReceipt(part, source.receipt);
  return card;
}

/** Why the reader could read a source when the prompt was made. */
function showReceipt(part, { because, checked_at, confirmed_at }) {
  part("because").textContent = because;
  setTime(part("checked").querySelector("time"), new Date(checked_at));
  if (confirmed_at) {
    setTime(part("confirmed").querySelector("time"), new Date(confirmed_at));
    part("confirmed").hidden = false;
  }
  part("receipt").hidden = false;
}

/** A path whose lines may break after each slash, as the server's pages show it. */
function pathParts(path) {
  return path.split("/").flatMap((name, index) => {
    if (index === 0) return [name];
    const slash = document.createElement("span");
    slash.className = "path-slash";
    slash.textContent = "/";
    return [slash, document.createElement("wbr"), name];
  });
}

/** Fill a `time` element. */
export function setTime(element, moment) {
  element.dateTime = moment.toISOString();
  element.textContent = timeAgo(moment);
  localiseTimes(element.parentElement);
}
