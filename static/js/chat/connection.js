/**
 * The WebSocket of one conversation: opened when it is first needed, and brought back by itself.
 *
 * Events: "frame" (detail: the decoded frame); "state" (detail: {state, waitMs, failures}), where
 * state is "connecting", "open", "waiting" or "offline"; "lost" when an open connection ended; and
 * "ended" (detail: the close code) when the server ended it for good.
 */

// Signed out, no longer a member, no such conversation: coming back would change nothing.
const FINAL_CODES = new Set([4401, 4403, 4404]);
const WAITS_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];

export class Connection extends EventTarget {
  #path;
  #socket = null;
  #failures = 0;
  #timer = null;
  #unsent = [];
  #hasEnded = false;

  /** @param {string} path for example "/ws/chat/<uuid>/". */
  constructor(path) {
    super();
    this.#path = path;
    addEventListener("online", () => this.retryNow());
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Open the connection unless it is open, on its way, or ended for good. */
  open() {
    if (this.#socket || this.#timer || this.#hasEnded) return;
    this.#connect();
  }

  /** Send a frame, now or as soon as the connection stands. */
  send(frame) {
    if (this.isOpen) {
      this.#socket.send(JSON.stringify(frame));
    } else {
      this.#unsent.push(frame);
      this.open();
    }
  }

  /** Forget what was not sent yet. */
  forgetUnsent() {
    this.#unsent = [];
  }

  /** Try at once instead of waiting. */
  retryNow() {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#connect();
  }

  /** End this connection and open a new one, so that nothing late of the old one arrives. */
  restart() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const old = this.#socket;
    this.#socket = null;
    old?.close();
    this.#connect();
  }

  #connect() {
    this.#report("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.#path}`);
    this.#socket = socket;
    const isCurrent = () => this.#socket === socket;
    let wasOpen = false;
    socket.addEventListener("open", () => {
      if (!isCurrent()) return;
      wasOpen = true;
      this.#failures = 0;
      this.#report("open");
      for (const frame of this.#unsent.splice(0)) socket.send(JSON.stringify(frame));
    });
    socket.addEventListener("message", (event) => {
      if (isCurrent()) this.dispatchEvent(new CustomEvent("frame", { detail: decode(event.data) }));
    });
    socket.addEventListener("close", ({ code }) => {
      if (!isCurrent()) return;
      this.#socket = null;
      this.#hasEnded = FINAL_CODES.has(code);
      if (this.#hasEnded) {
        this.dispatchEvent(new CustomEvent("ended", { detail: code }));
        return;
      }
      if (wasOpen) this.dispatchEvent(new Event("lost"));
      this.#wait();
    });
  }

  #wait() {
    const waitMs = WAITS_MS[Math.min(this.#failures, WAITS_MS.length - 1)];
    this.#failures += 1;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#connect();
    }, waitMs);
    this.#report(navigator.onLine ? "waiting" : "offline", waitMs);
  }

  #report(state, waitMs = 0) {
    const detail = { state, waitMs, failures: this.#failures };
    this.dispatchEvent(new CustomEvent("state", { detail }));
  }
}

function decode(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { type: "unreadable" };
  }
}
