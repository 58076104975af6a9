/** The box for the question: Enter sends, Shift+Enter breaks the line, typing is never lost. */

const COUNT_FROM = 0.9;

export class Composer {
  #form;
  #box;
  #send;
  #stop;
  #isBusy = false;

  /**
   * @param {HTMLFormElement} form
   * @param {{ask: (text: string) => void, stop: () => void, type: () => void,
   *          warn: (text: string) => void}} on what to do.
   */
  constructor(form, on) {
    this.#form = form;
    this.#box = form.querySelector("textarea");
    this.#send = form.querySelector("[data-send]");
    this.#stop = form.querySelector("[data-stop]");
    this.#box.addEventListener("keydown", (event) => this.#onKey(event));
    this.#box.addEventListener("input", () => {
      this.#fit();
      on.warn(this.#lengthWarning());
      on.type();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#box.value.trim();
      if (this.#isBusy || text === "" || this.#isTooLong()) {
        this.#box.focus();
        return;
      }
      this.fill("");
      on.ask(text);
    });
    this.#stop.addEventListener("click", () => {
      this.#stop.disabled = true;
      this.#stop.querySelector("[data-stop-label]").textContent = "Stopping";
      this.#box.focus();
      on.stop();
    });
    this.#fit();
  }

  get isBusy() {
    return this.#isBusy;
  }

  /** Put text into the box and the cursor behind it. */
  fill(text) {
    this.#box.value = text;
    this.#fit();
    this.focus();
  }

  focus() {
    this.#box.focus({ preventScroll: true });
  }

  /** While an answer streams, typing goes on, sending waits, and Stop is there. */
  setBusy(isBusy) {
    const hadStopFocus = document.activeElement === this.#stop;
    this.#isBusy = isBusy;
    this.#send.disabled = isBusy;
    this.#stop.hidden = !isBusy;
    this.#stop.disabled = false;
    this.#stop.querySelector("[data-stop-label]").textContent = "Stop";
    if (hadStopFocus || document.activeElement === document.body) this.focus();
  }

  /** Let nothing more be sent; what stands in the box can still be copied. */
  close() {
    this.#isBusy = true;
    this.#send.disabled = true;
  }

  #onKey(event) {
    // Enter that accepts a suggestion of an input method is not meant for us.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!this.#isBusy) this.#form.requestSubmit();
  }

  #isTooLong() {
    return this.#box.value.trim().length > Number(this.#box.dataset.limit);
  }

  #lengthWarning() {
    const limit = Number(this.#box.dataset.limit);
    const length = this.#box.value.trim().length;
    if (length > limit) return `${length - limit} characters too long.`;
    return length > limit * COUNT_FROM ? `${limit - length} characters left.` : "";
  }

  /** Grow with the text where the browser does not do it by itself (`field-sizing`). */
  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#box.rows = Math.min(10, this.#box.value.split("\n").length);
  }
}
