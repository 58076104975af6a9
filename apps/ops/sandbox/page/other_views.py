"""What the page shows of people, of failures, of requests, and of how to connect."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from apps.ops.sandbox.faults import KINDS as FAULT_KINDS
from apps.ops.sandbox.journal import Entry, Journal
from apps.ops.sandbox.page.break_acts import KINDS, SOURCES
from apps.ops.sandbox.page.drive_views import grantees
from apps.ops.sandbox.sample import Sandbox
from apps.ops.sandbox.slack.grants import BOT_SCOPES
from apps.ops.sandbox.slack.records import Guest

_REQUESTS_SHOWN = 100


def people(box: Sandbox) -> dict[str, Any]:
    """Return the groups with their members, and everybody with an account."""
    known = box.drive.people
    groups = [
        {
            "email": group.email,
            "name": group.name,
            "members": sorted(known.holder_of(member).email for member in group.members),
        }
        for group in known.groups.values()
        if not group.deleted
    ]
    options = [each for each in grantees(box) if "@" in each[0]]
    return {"groups": groups, "options": options, "people": _people(box)}


def _people(box: Sandbox) -> list[dict[str, Any]]:
    in_slack = {person.email: person for person in box.slack.people.values() if person.email}
    in_drive = {user.email: user for user in box.drive.people.users.values()}
    rows = []
    for email in sorted(in_slack | in_drive):
        person, user = in_slack.get(email), in_drive.get(email)
        rows.append(
            {
                "email": email,
                "name": person.name if person else in_drive[email].name,
                "google": _state(user is not None, user is not None and user.suspended),
                "slack": _state(person is not None, person is not None and person.is_deleted),
                "is_guest": person is not None and person.guest is not Guest.NO,
                "is_closed": (person is None or person.is_deleted)
                and (user is None or user.suspended),
                "in_slack": person is not None,
            }
        )
    return rows


def _state(exists: bool, is_closed: bool) -> str:  # noqa: FBT001 - two halves of one word
    if not exists:
        return "–"
    return "closed" if is_closed else "open"


def failures(box: Sandbox) -> dict[str, Any]:
    """Return what can be broken."""
    return {
        "sources": list(SOURCES.items()),
        "kinds": [(kind, label) for kind, label in KINDS.items() if kind in FAULT_KINDS],
        "acts": [
            ("clear", "End all failures"),
            ("tokens", "Let access tokens expire"),
            ("cursors", "Let cursors expire"),
            ("repeat", "Repeat items on the next page"),
            ("revoke", "Withdraw the consent"),
        ],
        "rotates": box.slack.app.rotates_tokens,
    }


def requests(box: Sandbox) -> dict[str, Any]:
    """Return the last requests of both sources, the newest first."""
    told = _told("Google Drive", box.drive.journal) + _told("Slack", box.slack.journal)
    told.sort(key=lambda each: each[1].at, reverse=True)
    return {"requests": [_row(source, entry) for source, entry in told[:_REQUESTS_SHOWN]]}


def _told(source: str, journal: Journal) -> list[tuple[str, Entry]]:
    return [(source, entry) for entry in journal.since(0)]


def _row(source: str, entry: Entry) -> dict[str, Any]:
    at = datetime.fromtimestamp(entry.at, UTC)
    asked = "&".join(f"{name}={value}" for name, value in [*entry.query, *entry.form])
    return {
        "source": source,
        "at": at.strftime("%H:%M:%S"),
        "method": entry.method,
        "path": entry.path,
        "asked": asked,
        "status": entry.status or "none",
        "fault": entry.fault,
        "is_bad": entry.status == 0 or entry.status >= 400 or bool(entry.fault),
    }


def connect(box: Sandbox, base: str) -> dict[str, Any]:
    """Return what an application needs to sign in to each source."""
    google = [
        ("Drive API", f"{base}google/drive/v3"),
        ("Directory API", f"{base}google/admin/directory/v1"),
        ("Consent page", f"{base}google/o/oauth2/v2/auth"),
        ("Token address", f"{base}google/token"),
        ("Client id", box.google_client.id),
        ("Client secret", box.google_client.secret),
    ]
    slack = [
        ("Web API", f"{base}slack/api/"),
        ("Consent page", f"{base}slack/oauth/v2/authorize"),
        ("Client id", box.slack.app.client_id),
        ("Client secret", box.slack.app.client_secret),
        ("Signing secret", box.slack.app.signing_secret),
        ("Bot scopes", ",".join(BOT_SCOPES)),
        ("Request URLs for events", ", ".join(box.slack.events.urls) or "none yet"),
    ]
    return {"google": google, "slack": slack}
