"""The Events API: what a delivery of Slack's says, once it is proved to be Slack's.

Sources: https://docs.slack.dev/authentication/verifying-requests-from-slack/ (signature),
https://docs.slack.dev/apis/events-api/ (envelope), https://docs.slack.dev/reference/events/.
A delivery only says where to look: whatever is stored is asked of Slack.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from apps.connections.errors import PushRefused
from apps.connections.protocol import Delivery, Push
from apps.connections.providers.slack import names, render

# How far the time of a delivery may be from ours, before or after (seconds).
MAX_AGE_S = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
Json = Mapping[str, Any]


def verify(delivery: Delivery, secret: str, *, now_s: float) -> None:
    """Refuse what Slack has not signed, or signed long ago.

    Args:
        delivery: as it came.
        secret: the app's signing secret.
        now_s: our time, in seconds since 1970.

    Raises:
        PushRefused: with what is wrong.
    """
    told = delivery.headers.get("x-slack-request-timestamp", "")
    given = delivery.headers.get("x-slack-signature", "")
    if not secret or not _TIMESTAMP.fullmatch(told):
        raise PushRefused("This delivery is not signed.")
    if abs(now_s - int(told)) > MAX_AGE_S:
        raise PushRefused("This delivery is too old.")
    base = b"v0:" + told.encode() + b":" + delivery.body
    expected = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise PushRefused("This delivery is not signed by the app.")


def meaning(body: bytes) -> Push:
    """Return what a verified delivery says.

    Raises:
        PushRefused: it makes no sense.
    """
    try:
        told = json.loads(body)
    except ValueError as error:
        raise PushRefused("This delivery is no JSON.") from error
    kind = told.get("type") if isinstance(told, dict) else None
    if kind == "url_verification" and isinstance(told.get("challenge"), str):
        return Push(id="url_verification", answer=told["challenge"])
    if kind == "app_rate_limited":  # events were left out: whatever they said has to be asked
        minute = told.get("minute_rate_limited")
        return Push(id=f"app_rate_limited:{minute}", follows=True, permissions=True)
    event, event_id = told.get("event") if kind else None, told.get("event_id") if kind else None
    if kind != "event_callback" or not isinstance(event, dict) or not isinstance(event_id, str):
        raise PushRefused("This delivery is none of Slack's events.")
    return _of_event(event_id, str(event.get("type")), event)


def _of_event(event_id: str, kind: str, event: Json) -> Push:
    if kind == "message":
        return Push(event_id, external_ids=_known(_of_message(event)))
    if kind.startswith("file_"):
        return Push(event_id, external_ids=_known([_id_of(event, "file_id", "file")]))
    if kind in {"tokens_revoked", "app_uninstalled"}:
        return Push(event_id, is_revoked=kind == "app_uninstalled" or _ends_bot(event))
    if kind in {"team_join", "user_change"}:
        return Push(event_id, permissions=True)
    if kind.startswith(("channel_", "group_", "im_", "mpim_", "member_")):
        changed = [_id_of(event, "channel", "channel")]
        changed += [_id_of(event, name, "") for name in ("old_channel_id", "new_channel_id")]
        return Push(event_id, external_ids=_known(changed), permissions=True)
    return Push(event_id)  # user groups and the rest: they change no reader and no text


def _of_message(event: Json) -> Iterable[str]:
    """Return where a message stands, and has stood: threads, days and files."""
    channel = str(event.get("channel"))
    subtype = str(event.get("subtype") or "")
    nested = [event.get("message"), event.get("previous_message")]
    told = [each for each in nested if isinstance(each, Mapping)]
    if not told and subtype == "message_deleted":
        told = [{"ts": event.get("deleted_ts")}]
    if not told and not render.is_writing(subtype):
        return [channel]  # Slack's own: renamed, archived, made private …
    return [name for message in told or [event] for name in _of_one(channel, message)]


def _of_one(channel: str, message: Json) -> Iterable[str]:
    ts = str(message.get("thread_ts") or message.get("ts"))
    thread = names.thread_id(channel, ts)
    if names.parse(thread):
        yield thread
        yield names.day_id(channel, names.day_of(ts))
    files = message.get("files")
    for file in files if isinstance(files, list) else ():
        yield _id_of(file, "id", "") if isinstance(file, Mapping) else ""


def _id_of(event: Json, name: str, inner: str) -> str:
    """Return an id that stands in an event itself or in an object in it."""
    value = event.get(name)
    if isinstance(value, str):
        return value
    nested = event.get(inner)
    return str(nested.get("id")) if isinstance(nested, Mapping) else ""


def _ends_bot(event: Json) -> bool:
    """Return whether the bot's token is among those that were revoked; people's are not used."""
    tokens = event.get("tokens")
    return not isinstance(tokens, Mapping) or bool(tokens.get("bot"))


def _known(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in found if names.parse(each) is not None))
