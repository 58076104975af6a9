"""What a report says: its rows and its numbers, of what `outcome` has found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.acls.principals import Name
from apps.connections import ages
from apps.connections.protocol import ItemKind, PrincipalKind
from apps.documents import file_types
from apps.sync_events.exposure.models import ExposureLine, ExposureReport, LineKind
from apps.tenants.models import ManagedDomain

if TYPE_CHECKING:
    from apps.sync_events.exposure.outcome import Found

# Rows of a kind that a report keeps, those first that matter most.
AT_MOST = {LineKind.PERSON: 20_000, LineKind.UNMATCHED: 5_000, LineKind.FOLDER: 500}
_OTHERS_AT_MOST = 1_000
# File types that are told apart.
_TYPES = 30

_NOBODY: Name = ("nobody", "")
_PUBLIC = {
    PrincipalKind.EVERYONE.value: "Everyone, guests included",
    PrincipalKind.MEMBERS.value: "All members (guests excepted)",
    PrincipalKind.LINK.value: "Anyone with the link",
}
_NOT_LISTED = "Not listed here: only those find them who may read them otherwise, too."
_LISTS_LINKS = "This connection lists documents that have a link; they count here."


def of(report: ExposureReport, found: Found) -> Iterator[ExposureLine]:
    """Yield the rows of a report."""
    makers = {
        LineKind.PERSON: _people,
        LineKind.UNMATCHED: _unmatched,
        LineKind.UNKNOWN_GROUP: _unknown_groups,
        LineKind.PUBLIC: _public,
        LineKind.FOLDER: _folders,
        LineKind.PROBLEM: _problems,
    }
    for kind, make in makers.items():
        rows = make(report, found)
        rows.sort(key=lambda row: (-row.get("gained", 0), -row.get("documents", 0), row["label"]))
        for position, row in enumerate(rows[: AT_MOST.get(kind, _OTHERS_AT_MOST)]):
            yield ExposureLine(
                tenant_id=report.tenant_id, report=report, kind=kind, position=position, **row
            )


def result(report: ExposureReport, found: Found) -> dict[str, Any]:
    """Return the numbers of a report, as JSON."""
    told, verdicts = found.told, found.verdicts
    people = slice(0, len(told.members))
    waiting = [n for n in found.unmatched.values() if n]
    listing = told.listing
    known = np.isin(listing.before, list(told.was_numbers) or [-1])
    return {
        "documents": len(listing.names),
        "size_bytes": int(listing.sizes.sum()),
        "new": int((~known).sum()),
        "gone": sum(told.unseen.values()),
        "kinds": _by_kind(found),
        "types": _by_type(found),
        "people": {
            "members": len(told.members),
            "reading": int(np.count_nonzero(verdicts.documents[people])),
            "gaining": int(np.count_nonzero(verdicts.gained[people])),
            "losing": int(np.count_nonzero(verdicts.lost[people])),
        },
        "unmatched": {"people": len(found.unmatched), "waiting": len(waiting)},
        "unknown_groups": len(found.unknown),
        "public": _public_numbers(found),
        "nobody": {
            "documents": found.documents_of(_NOBODY),
            "paths": found.paths[_NOBODY],
        },
        "problems": dict(told.problem_counts.most_common(50)),
        "notes": _notes(report),
    }


def _people(_: ExposureReport, found: Found) -> list[dict[str, Any]]:
    return [
        {
            "label": member.name or member.email,
            "email": member.email,
            **_numbers(found, number),
            "note": "Guest" if member.is_guest else "",
        }
        for number, member in enumerate(found.told.members)
    ]


def _unmatched(_: ExposureReport, found: Found) -> list[dict[str, Any]]:
    managed: set[str] = set()
    for names in ManagedDomain.objects.values_list("domain", "unicode_domain"):
        managed |= set(names)
    return [
        _named(found, name) | {
            "documents": number,
            "note": _why_unmatched(found, name, managed),
        }
        for name, number in found.unmatched.items()
    ]  # fmt: skip


def _unknown_groups(_: ExposureReport, found: Found) -> list[dict[str, Any]]:
    return [_named(found, name) | {"documents": number} for name, number in found.unknown.items()]


def _public(report: ExposureReport, found: Found) -> list[dict[str, Any]]:
    rows = []
    for name in found.findings:
        documents = found.documents_of(name)
        if not documents or name == _NOBODY:
            continue
        rows.append(
            {
                "label": _PUBLIC.get(name[0]) or f"Everybody at {_named(found, name)['label']}",
                "external_id": name[0],
                "documents": documents,
                "note": _public_note(report, name),
                "paths": found.paths[name],
            }
        )
    return rows


def _folders(_: ExposureReport, found: Found) -> list[dict[str, Any]]:
    counts, sizes = _by_class(found)
    totals: dict[str, list[int]] = {}
    for number, (_kind, _mime, folder) in enumerate(found.told.gathered.classes):
        if counts[number]:
            total = totals.setdefault(folder, [0, 0])
            total[0] += int(counts[number])
            total[1] += int(sizes[number])
    return [
        {"label": folder or "Not in a folder", "documents": documents, "size_bytes": size}
        for folder, (documents, size) in totals.items()
    ]


def _problems(_: ExposureReport, found: Found) -> list[dict[str, Any]]:
    return [
        {
            "label": problem.code[:500],
            "external_id": problem.external_id[:500],
            "note": f"{problem.message} {problem.hint}".strip()[:1000],
        }
        for problem in found.told.problems
    ]


def _numbers(found: Found, number: int) -> dict[str, int]:
    verdicts = found.verdicts
    return {
        "documents": int(verdicts.documents[number]),
        "gained": int(verdicts.gained[number]),
        "lost": int(verdicts.lost[number]),
    }


def _named(found: Found, name: Name) -> dict[str, Any]:
    known = found.told.observed.principals[name]
    return {
        "label": (known.label or known.email or name[1])[:500],
        "external_id": name[1][:500],
        "email": known.email[:254],
    }


def _why_unmatched(found: Found, name: Name, managed: set[str]) -> str:
    email = found.told.observed.principals[name].email
    if not email:
        return "The source tells no address of this person."
    if email in found.told.claims.owners:
        return "Somebody else has held this identity, or it was taken from its holder by hand."
    if email.rpartition("@")[2] in managed:
        return "Your directory names no member with this address."
    return "No member has verified this address."


def _public_note(report: ExposureReport, name: Name) -> str:
    if name[0] == PrincipalKind.LINK:
        return _NOT_LISTED
    settings = report.connection.settings if report.proposed is None else report.proposed
    chosen = [setting for setting, value in settings.items() if value and "link" in setting]
    # Which links a connector lists, it says in the names of its settings.
    by_kind = {
        PrincipalKind.MEMBERS: [one for one in chosen if "domain" not in one],
        PrincipalKind.DOMAIN: [one for one in chosen if "domain" in one],
    }
    return _LISTS_LINKS if by_kind.get(PrincipalKind(name[0])) else ""


def _public_numbers(found: Found) -> dict[str, int]:
    totals: dict[str, int] = {}
    for name in found.findings.keys() - {_NOBODY}:
        totals[name[0]] = totals.get(name[0], 0) + found.documents_of(name)
    return totals


def _by_class(found: Found) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    listing, length = found.told.listing, len(found.told.gathered.classes) or 1
    counts = np.bincount(listing.classes, minlength=length)
    sizes = np.bincount(listing.classes, weights=listing.sizes, minlength=length)
    return counts, sizes


def _by_kind(found: Found) -> list[list[Any]]:
    counts, _ = _by_class(found)
    totals: dict[str, int] = {}
    for number, (kind, _mime, _folder) in enumerate(found.told.gathered.classes):
        totals[kind] = totals.get(kind, 0) + int(counts[number])
    ordered = sorted(totals.items(), key=lambda one: (-one[1], one[0]))
    return [[ItemKind(kind).name.capitalize(), n] for kind, n in ordered if n]


def _by_type(found: Found) -> list[list[Any]]:
    counts, sizes = _by_class(found)
    totals: dict[str, list[int]] = {}
    for number, (_kind, mime, _folder) in enumerate(found.told.gathered.classes):
        if counts[number]:
            total = totals.setdefault(file_types.label(mime)[:100], [0, 0])
            total[0] += int(counts[number])
            total[1] += int(sizes[number])
    ordered = sorted(totals.items(), key=lambda one: (-one[1][0], one[0]))
    return [[label, n, size] for label, (n, size) in ordered[:_TYPES]] + _rest(ordered[_TYPES:])


def _rest(others: list[tuple[str, list[int]]]) -> list[list[Any]]:
    if not others:
        return []
    return [["Other types", sum(n for _, (n, _) in others), sum(size for _, (_, size) in others)]]


def _notes(report: ExposureReport) -> list[str]:
    source = report.connection
    found = []
    if report.is_truncated:
        found.append(f"Only the first {report.seen:,} documents were looked at.")
    if source.hold_above is not None:
        found.append(
            f"This connection holds what opens more than {source.hold_above:,} documents until an"
            " IT admin agrees: less than this opens by itself."
        )
    if source.permissions_confirmed_at is not None:
        lapses = ages.lapses_at(source)
        if lapses is not None and lapses <= report.created_at:
            found.append(
                "The permissions of this connection are too old now, so its documents are hidden."
                " Compared is with what people read while they count."
            )
    return found
