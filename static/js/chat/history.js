/** The list of conversations: a column on wide screens, a drawer on narrow ones. */

import { fromTemplate, setTime } from "./turn.js";

const wide = matchMedia("(min-width: 1100px)");

/** Make the drawer open, close by Esc, veil or button, and give the focus back. */
export function setUpDrawer() {
  const drawer = document.querySelector("[data-history]");
  const opener = document.querySelector("[data-history-open]");
  const veil = document.querySelector("[data-history-veil]");
  const rest = document.querySelectorAll(".site-header, #main, .skip-link");

  const setOpen = (isOpen) => {
    drawer.classList.toggle("is-open", isOpen);
    opener.setAttribute("aria-expanded", String(isOpen));
    veil.hidden = !isOpen;
    for (const part of rest) part.inert = isOpen;
  };
  const close = () => {
    if (!drawer.classList.contains("is-open")) return;
    setOpen(false);
    opener.focus();
  };

  opener.addEventListener("click", () => {
    setOpen(true);
    document.querySelector("[data-history-close]").focus();
  });
  document.querySelector("[data-history-close]").addEventListener("click", close);
  veil.addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  wide.addEventListener("change", () => setOpen(false));
}

/**
 * Put a conversation on top of the list, as the current one.
 *
 * @param {{uuid: string, title: string}} conversation
 */
export function noteConversation({ uuid, title }) {
  const list = document.querySelector("[data-history-list]");
  const links = [...list.querySelectorAll("[data-conversation-link]")];
  for (const link of links) link.removeAttribute("aria-current");
  const known = links.find((link) => link.dataset.conversationLink === uuid);
  const item = known?.closest("li") ?? fromTemplate("conversation");
  const link = item.querySelector("[data-conversation-link]");
  link.dataset.conversationLink = uuid;
  link.href = `/chat/${uuid}/`;
  link.setAttribute("aria-current", "page");
  link.querySelector("[data-title]").textContent = title;
  setTime(link.querySelector("time"), new Date());
  if (list.firstElementChild !== item) list.prepend(item);
  document.querySelector("[data-history-empty]").hidden = true;
}
