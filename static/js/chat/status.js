/** One line under the box: what is wrong with the connection, or else with the text in the box. */

// A connection that stands after a moment needs no words.
const QUIET_MS = 800;
const CONNECTING = "Connecting…";

export class Status {
  #line;
  #retry;
  #timer = null;
  #trouble = "";
  #isWaiting = false;
  #remark = "";

  /**
   * @param {HTMLElement} line with role "status".
   * @param {() => void} retry tries to connect at once.
   */
  constructor(line, retry) {
    this.#line = line;
    this.#retry = retry;
  }

  /** Show a remark about the text; an empty one takes it away. */
  warn(remark) {
    this.#remark = remark;
    this.#show();
  }

  /** Show the state of the connection. */
  connection({ state, waitMs, failures }) {
    clearTimeout(this.#timer);
    this.#isWaiting = state === "waiting";
    if (state === "connecting") {
      this.#timer = setTimeout(() => this.#report(CONNECTING), QUIET_MS);
    } else if (state === "offline") {
      this.#report("You are offline. Kenward connects again as soon as you are back.");
    } else if (state === "waiting") {
      const advice = failures > 4 ? "Still no connection: reload the page." : "No connection.";
      this.#report(`${advice} Next try in ${Math.ceil(waitMs / 1000)} s. `);
    } else {
      this.#report("");
    }
  }

  /** Say that this page is of no use any more, and offer to load it again. */
  end(reason) {
    clearTimeout(this.#timer);
    this.#isWaiting = false;
    this.#report(`${reason} `);
    this.#line.append(button("Load the page again", () => location.reload()));
  }

  #report(trouble) {
    this.#trouble = trouble;
    this.#show();
  }

  #show() {
    const text = this.#trouble || this.#remark;
    if (this.#line.firstChild?.textContent === text) return;
    this.#line.textContent = text;
    this.#line.classList.toggle("is-bad", text !== "" && text !== CONNECTING);
    if (!this.#trouble || !this.#isWaiting) return;
    this.#line.append(button("Try now", this.#retry));
  }
}

function button(label, onClick) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", onClick);
  return made;
}
