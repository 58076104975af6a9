"""An explanation as a row of steps from the person to the document, for a picture and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.text import capfirst

from apps.acls.explain_parts import Brought, Clause, Deciding, Place
from apps.acls.models import ClaimSource
from apps.connections.protocol import Level

_ONE_WAY = "The way from the person to the document"


@dataclass(frozen=True, slots=True)
class Step:
    """One station on the way.

    Attributes:
        kind: what it is, in a word or two.
        label: what it is called.
        note: further facts about the link that leads here from the station before.
        brought: the row that says so; None where none does.
        is_missing: the way breaks off here.
    """

    kind: str
    label: str
    note: str = ""
    brought: Brought | None = None
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """The steps of one clause.

    Attributes:
        title: which condition it is about.
        is_fulfilled: whether the way leads through.
        missing: what is missing, in words; empty where it leads through.
        steps: from the person to the document.
    """

    title: str
    is_fulfilled: bool
    missing: str
    steps: tuple[Step, ...]


def ways(
    clauses: tuple[Clause, ...], person: str, document: str, sources: Mapping[str, str]
) -> list[Way]:
    """Return a way for each clause.

    Args:
        clauses: of an explanation.
        person: how the person is shown.
        document: its path.
        sources: what the connections are called, by their realms.
    """
    told = [replace(one, missing=with_names(one.missing, sources)) for one in clauses]
    return [
        Way(
            title=f"Condition {number} of {len(told)}" if len(told) > 1 else _ONE_WAY,
            is_fulfilled=clause.is_fulfilled,
            missing=clause.missing,
            steps=tuple(_steps(clause, person, document)),
        )
        for number, clause in enumerate(told, start=1)
    ]


def with_names(text: str, sources: Mapping[str, str]) -> str:
    """Return a text of the engine, which knows realms alone, with the names of their sources."""
    for realm, name in sources.items():
        text = text.replace(realm, f"“{name}”")
    return text


def _steps(clause: Clause, person: str, document: str) -> Iterator[Step]:
    yield Step("Person", person)
    deciding = clause.deciding
    if deciding is None or (deciding.is_allowed and not clause.is_fulfilled):
        yield Step("Missing link", capfirst(clause.missing), is_missing=True)
        for place in clause.acls:
            yield _place(place)
    else:
        yield from _to_entry(deciding)
        for place in reversed(deciding.places[:-1]):
            yield _place(place)
    yield Step("Document", document)


def _to_entry(deciding: Deciding) -> Iterator[Step]:
    if deciding.is_by_unknown:
        note = "nobody knows whether the person is in it, so its denials count"
        yield Step("Group of unknown members", deciding.principal, note)
    elif deciding.identity is not None:
        source = ClaimSource(deciding.identity.source).label
        note = f"recognised by: {source}, since {_minute(deciding.identity.since)}"
        yield Step("Identity", deciding.identity.label, note, deciding.identity.brought)
    else:
        yield Step("Follows from the membership", "All members")
    for each in deciding.groups:
        note = f"until {_minute(each.expires_at)}" if each.expires_at else ""
        yield Step("Group", each.group, note, each.brought)
    entry = f"{deciding.principal} on {deciding.place.label}"
    if not deciding.is_allowed:
        yield Step("Denied by the entry", entry, "", deciding.brought, is_missing=True)
        return
    facts = [f"level: {Level(deciding.level).name.lower()}"]
    facts += ["passes cuts"] if deciding.is_sticky else []
    facts += [f"until {_minute(deciding.expires_at)}"] if deciding.expires_at else []
    yield Step("Allowed by the entry", entry, ", ".join(facts), deciding.brought)


def _place(place: Place) -> Step:
    note = "cuts off what is granted above it" if place.is_cut else ""
    return Step("Place", place.label, note, place.brought)


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "an unknown time"
