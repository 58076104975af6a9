/** Keeps the end of the answer in view while it streams, unless the reader scrolled away. */

const NEAR_PX = 96;

export class Follower {
  #button;
  #isFollowing = true;
  #isStreaming = false;
  #lastTop = scrollY;

  /** @param {HTMLButtonElement} button "Jump to latest". */
  constructor(button) {
    this.#button = button;
    addEventListener("scroll", () => this.#noticeScroll(), { passive: true });
    // A wheel or a touch counts before the page has moved: the next word must not pull it back.
    addEventListener("wheel", (event) => event.deltaY < 0 && this.#leave(), { passive: true });
    button.addEventListener("click", () => {
      this.follow();
      document.querySelector("[data-slash-focus]").focus({ preventScroll: true });
    });
    addEventListener("resize", () => this.#show());
    this.#show();
  }

  /** Go to the end and stay there. */
  follow() {
    this.#isFollowing = true;
    this.grown();
  }

  /** Say whether an answer is being written: then leaving its end is worth a button at once. */
  setStreaming(isStreaming) {
    this.#isStreaming = isStreaming;
    this.#show();
  }

  /** Call after the page grew. */
  grown() {
    if (this.#isFollowing) scrollTo(0, document.documentElement.scrollHeight);
    this.#show();
  }

  #noticeScroll() {
    const hasMovedUp = scrollY < this.#lastTop - 2;
    this.#lastTop = scrollY;
    if (hasMovedUp && distanceToEnd() > NEAR_PX) this.#isFollowing = false;
    if (distanceToEnd() <= 2) this.#isFollowing = true;
    this.#show();
  }

  #leave() {
    if (document.documentElement.scrollHeight > innerHeight) this.#isFollowing = false;
    this.#show();
  }

  #show() {
    const far = this.#isStreaming ? NEAR_PX : innerHeight;
    this.#button.hidden = this.#isFollowing || distanceToEnd() <= far;
  }
}

function distanceToEnd() {
  return document.documentElement.scrollHeight - innerHeight - scrollY;
}
