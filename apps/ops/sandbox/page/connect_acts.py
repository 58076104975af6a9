"""What the page's forms tell the sources about Kenward: where people and events are sent to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from apps.ops.sandbox.page.forms import Done, Form, NotSaid
from apps.ops.sandbox.sample import Sandbox

Act = Callable[[Sandbox, Form], Done]


def _allow_redirect(box: Sandbox, form: Form) -> Done:
    url = _web_address(form)
    with box.drive.lock:
        clients, client_id = box.drive.oauth.clients, box.google_client.id
        known = clients[client_id].redirect_uris
        clients[client_id] = replace(clients[client_id], redirect_uris=known | {url})
    box.slack.app.redirect_uris.append(url)
    return Done(f"After consent, people may be sent back to {url}.")


def _send_events(box: Sandbox, form: Form) -> Done:
    url = _web_address(form)
    box.slack.events.subscribe(url)
    return Done(f"{url} answered the challenge and gets Slack’s events from now on.")


def _web_address(form: Form) -> str:
    parts = urlsplit(form["url"])
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise NotSaid("That is no address of a web server.")
    return form["url"]


ACTS: Mapping[str, Act] = {
    "connect.redirect": _allow_redirect,
    "connect.events": _send_events,
}
