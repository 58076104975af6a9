/** The chat page: asks over the WebSocket and shows the answer while it is being written. */

import { lightUpCitations } from "./chat/citations.js";
import { Composer } from "./chat/composer.js";
import { Connection } from "./chat/connection.js";
import { Follower } from "./chat/follow.js";
import { noteConversation, setUpDrawer } from "./chat/history.js";
import { foldSourcesWhenNarrow } from "./chat/sources.js";
import { Status } from "./chat/status.js";
import { Turn } from "./chat/turn.js";

// How long a question may wait for a connection, and a stop for the end of the answer. How long an
// answer may take is the server's to judge.
const PATIENCE_MS = 20_000;
const STOP_PATIENCE_MS = 15_000;
const ENDINGS = {
  4401: "You are signed out.",
  4403: "You are in another organisation now, or a member of this one no longer.",
  4404: "This conversation does not exist any more.",
};

const page = document.querySelector("[data-chat]");
const turns = document.querySelector("[data-turns]");
const connection = new Connection(page.dataset.wsPath);
const status = new Status(document.querySelector("[data-status]"), () => connection.retryNow());
const follower = new Follower(document.querySelector("[data-jump]"));
const composer = new Composer(document.querySelector("[data-composer]"), {
  ask,
  stop,
  type: () => connection.open(),
  warn: (text) => status.warn(text),
});

let current = null; // the turn that is being answered
let lastSeq = 0;
let isFirstFrame = true;
let patience = null;

function ask(question) {
  if (composer.isBusy) return;
  document.querySelector("[data-start]")?.remove();
  current = new Turn(question);
  turns.append(current.element);
  foldSourcesWhenNarrow(current.element);
  setBusy(true);
  isFirstFrame = true;
  if (!connection.isOpen) {
    wait(PATIENCE_MS, {
      message: "I could not reach Kenward.",
      hint: "Your question was not lost: try again when the connection is back.",
    });
  }
  connection.send({ type: "ask", text: question });
  follower.follow();
}

function setBusy(isBusy) {
  composer.setBusy(isBusy);
  follower.setStreaming(isBusy);
}

function stop() {
  connection.send({ type: "stop" });
  wait(STOP_PATIENCE_MS, { message: "Stopped, but Kenward did not confirm it." });
}

/** Give up on the current turn unless something is heard within the limit. */
function wait(limitMs, reason) {
  clearTimeout(patience);
  patience = setTimeout(() => {
    connection.forgetUnsent();
    giveUp(reason);
    connection.restart();
  }, limitMs);
}

function giveUp(reason) {
  clearTimeout(patience);
  if (!current) return;
  current.fail(reason);
  current = null;
  setBusy(false);
  follower.grown();
}

const onFrame = {
  sources: (frame) => current?.showSources(frame.sources),
  token: (frame) => current?.append(frame.text, () => follower.grown()),
  done: finish,
  error: (frame) => (current ? giveUp(frame) : status.warn(frame.message)),
};

connection.addEventListener("frame", ({ detail: frame }) => {
  clearTimeout(patience);
  if (current && hasGap(frame.seq)) current.markGap();
  onFrame[frame.type]?.(frame);
  follower.grown();
});

/** Whether a number was skipped; an answer may begin again at 0 or 1, or count on. */
function hasGap(seq) {
  if (!Number.isInteger(seq)) return false;
  const isNext = seq === lastSeq + 1 || (isFirstFrame && seq <= 1);
  isFirstFrame = false;
  lastSeq = seq;
  return !isNext;
}

function finish(frame) {
  if (!current) return;
  const spoken = current.finish(frame);
  current.element.dataset.message = frame.message ?? "";
  current = null;
  setBusy(false);
  document.querySelector("[data-announce]").textContent = `Kenward answered: ${spoken}`;
  if (frame.conversation) settle(frame.conversation);
}

function settle(conversation) {
  noteConversation(conversation);
  history.replaceState(null, "", `/chat/${conversation.uuid}/`);
  document.title = `${conversation.title} · Kenward`;
  document.querySelector("[data-conversation-heading]").textContent = conversation.title;
  document.querySelector("[data-delete]").hidden = false;
}

connection.addEventListener("state", ({ detail }) => {
  if (detail.state === "open") clearTimeout(patience);
  status.connection(detail);
});
connection.addEventListener("ended", ({ detail: code }) => {
  giveUp({ message: ENDINGS[code], retryable: false });
  composer.close();
  status.end(ENDINGS[code]);
});
connection.addEventListener("lost", () => {
  giveUp({
    message: "The connection broke while the answer was being written.",
    hint: "Try again asks the same question once more.",
  });
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.matches("[data-example]")) ask(button.textContent.trim());
  if (button.matches("[data-reload]")) location.reload();
  if (button.matches("[data-retry]")) retry(button.closest("[data-turn]"));
  if (button.matches("[data-copy]")) copy(button);
});

function retry(turn) {
  if (composer.isBusy) return;
  const question = turn.querySelector("[data-question]").textContent;
  turn.remove();
  ask(question);
  composer.focus();
}

async function copy(button) {
  const label = button.querySelector("[data-copy-label]");
  const text = button.closest("[data-answer]").querySelector("[data-text]").innerText;
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    label.textContent = "The browser did not allow it";
  }
  setTimeout(() => (label.textContent = "Copy"), 2_000);
}

setUpDrawer();
lightUpCitations(turns);
foldSourcesWhenNarrow(turns);

// The search page hands a question over; it waits in the box until the reader sends it.
const handedOver = new URLSearchParams(location.search).get("q");
if (handedOver) {
  composer.fill(handedOver);
  history.replaceState(null, "", location.pathname);
}
const [navigation] = performance.getEntriesByType("navigation");
if (turns.childElementCount > 1 && navigation?.type === "navigate") {
  turns.lastElementChild.scrollIntoView();
}
if (matchMedia("(pointer: fine)").matches) composer.focus();
