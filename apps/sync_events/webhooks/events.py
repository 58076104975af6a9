"""What can be told by webhook, and in which words. Ids, counts, states and reason codes only.

No title, no text and nobody's name ever stands in a payload. An `external_id` is what the source
calls an item or a place; in a folder that is its path. A receiver that wants more asks Kenward.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import models

# Places that one message names; it counts all of them.
MOST_PLACES = 100


class EventName(models.TextChoices):
    """Every event, as the field `type` of a message names it."""

    SYNC_COMPLETED = "sync.completed", "A sync ended, with or without problems"
    SYNC_FAILED = "sync.failed", "A sync failed"
    DOCUMENT_CREATED = "document.created", "A document came, or came back"
    DOCUMENT_UPDATED = "document.updated", "A document's content changed"
    DOCUMENT_DELETED = "document.deleted", "A document is gone from its source"
    PERMISSIONS_CHANGED = "permissions.changed", "Who may read something changed"
    CONNECTION_NEEDS_ATTENTION = (
        "connection.needs_attention",
        "A connection stopped and waits for an IT admin",
    )
    TEST = "webhook.test", "A test that somebody asked for"


# What an endpoint can be subscribed to; a test goes to the endpoint that it was asked for.
SUBSCRIBABLE = tuple(name for name in EventName if name != EventName.TEST)

# Reason codes of failures. Other codes of connector errors stand for themselves:
# credentials_rejected, rate_limited, source_unavailable, cursor_expired, …
VALIDATION_FAILED = "validation_failed"
_REASONS = {"settings_rejected": VALIDATION_FAILED, "contract_broken": VALIDATION_FAILED}


def reason(code: str) -> str:
    """Return the reason code of a connector error's code."""
    return _REASONS.get(code, code)


def payload(event: EventName, data: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """Return a whole message.

    Args:
        event: what happened.
        data: about what, in JSON's values.
        at: when it happened, aware.
    """
    return {"type": event.value, "timestamp": instant(at), "data": dict(data)}


def run_data(run: Any) -> dict[str, Any]:
    """Return what every message about a sync says of it.

    Args:
        run: a `SyncRun` with its connection.
    """
    return {
        "connection": str(run.connection.uuid),
        "run": str(run.uuid),
        "lane": str(run.lane),
        "trigger": str(run.trigger),
        "is_sweep": run.is_sweep,
        "counts": {
            name: getattr(run, name) for name in ("seen", "added", "updated", "deleted", "problems")
        },
        "started_at": instant(run.started_at) if run.started_at else None,
    }


def document_data(connection: str, document: str, external_id: str) -> dict[str, str]:
    """Return what a message about a document says."""
    return {"connection": connection, "document": document, "external_id": external_id}


def permission_data(
    connection: str, run: str, counts: Mapping[str, int], places: Iterable[str]
) -> dict[str, Any]:
    """Return what a message about permissions says.

    Args:
        connection: its uuid.
        run: the uuid of the sync run that brought the changes.
        counts: how many grants, members of groups, places and documents' policies changed.
        places: the source's ids of the places that changed; the first `MOST_PLACES` are told.
    """
    told = sorted(places)[:MOST_PLACES]
    return {"connection": connection, "run": run, "counts": dict(counts), "places": told}


def instant(at: datetime) -> str:
    """Return a time as RFC 3339 writes it, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
