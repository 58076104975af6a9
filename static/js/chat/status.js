/** One line under the box: what the connection does, or what is wrong with the text in the box. */

// A connection that stands after a moment needs no words.
const QUIET_MS = 800;

export class Status {
  #line;
  #retry;
  #timer = null;

  /**
   * @param {HTMLElement} line with role "status".
   * @param {() => void} retry tries to connect at once.
   */
  constructor(line, retry) {
    this.#line = line;
    this.#retry = retry;
  }

  /** Show a remark; an empty one clears the line. */
  warn(text) {
    this.#write(text, { isBad: text !== "" });
  }

  /** Show the state of the connection. */
  connection({ state, waitMs, failures }) {
    clearTimeout(this.#timer);
    if (state === "open") {
      this.#write("");
    } else if (state === "connecting") {
      this.#timer = setTimeout(() => this.#write("Connecting…"), QUIET_MS);
    } else if (state === "offline") {
      this.#write("You are offline. Kenward connects again as soon as you are back.", { isBad: true });
    } else if (state === "waiting") {
      const seconds = Math.ceil(waitMs / 1000);
      const cause = failures > 4 ? "Still no connection. Reloading the page may help." : "No connection.";
      this.#write(`${cause} Next try in ${seconds} s. `, { isBad: true, canRetry: true });
    }
  }

  #write(text, { isBad = false, canRetry = false } = {}) {
    this.#line.textContent = text;
    this.#line.classList.toggle("is-bad", isBad);
    if (!canRetry) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Try now";
    button.addEventListener("click", this.#retry);
    this.#line.append(button);
  }
}
