"""What a held change consists of, in words: by the source's names, by its ids where it has none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.text import capfirst

from apps.acls.models import Acl, HeldPart, Principal
from apps.connections.protocol import PrincipalKind

# Lines that a page shows of one part, and ids whose names are looked up.
_LINES = 20
_LOOKED_UP = 1_000

_SAYS: dict[str, Callable[[list[str]], str]] = {
    "may read": lambda told: f"{told[1]} may read",
    "stands below": lambda told: (
        f"stands below {told[0] or 'nothing'}"
        + (", and those who read there read here too" if told[1] == "add" else "")
    ),
    "joins": lambda told: f"{told[1]} joins",
    "has the address": lambda told: f"has the address {told[0]}, and is whoever has that",
    "is read by": lambda told: f"is read by who reads {' or '.join(told)}",
}


@dataclass(frozen=True, slots=True)
class _Names:
    """What people, groups and places of one source are called, by their ids there."""

    principals: Mapping[tuple[str, str], str]
    places: Mapping[str, str]

    def of(self, what: str, told: list[str]) -> list[str]:
        """Return a line's words with names in place of ids."""
        if what in ("stands below", "is read by"):
            return [self.places.get(each, each) for each in told]
        if len(told) > 1 and (told[0], told[1]) in self.principals:
            return [told[0], self.principals[told[0], told[1]], *told[2:]]
        return told

    def of_subject(self, subject: str) -> str:
        """Return what is concerned: its kind, and what it is called."""
        kind, _, name = subject.partition(":")
        if kind == "place":
            return f"Place {self.places.get(name, name)}"
        its_kind, _, known_as = name.partition(":")
        if (its_kind, known_as) in self.principals:
            said = "person" if its_kind == PrincipalKind.USER else its_kind
            return capfirst(f"{said} {self.principals[its_kind, known_as]}")
        return capfirst(f"{kind} {name}")


def in_words(parts: Sequence[HeldPart], realm: str) -> list[tuple[str, list[str]]]:
    """Return for each part what is concerned, and what would be new about it.

    Args:
        parts: of one held change.
        realm: of its source.
    """
    names = _names(parts, realm)
    return [(names.of_subject(one.subject), list(_lines(one, names))) for one in parts]


def _lines(part: HeldPart, names: _Names) -> Iterable[str]:
    for what, *told in part.wants[:_LINES]:
        shown = names.of(what, told)
        says = _SAYS.get(what)
        yield says(shown) if says else " ".join([*shown[1:2], what])
    if len(part.wants) > _LINES:
        yield f"and {len(part.wants) - _LINES:,} more"


def _names(parts: Sequence[HeldPart], realm: str) -> _Names:
    ids = {name for one in parts for name in one.subject.split(":", 2)[1:]}
    ids |= {one.subject.partition(":")[2] for one in parts}
    ids |= {word for one in parts for _, *told in one.wants[:_LINES] for word in told[:4]}
    wanted = sorted(ids - {""})[:_LOOKED_UP]
    people = Principal.objects.filter(realm=realm, external_id__in=wanted)
    places = Acl.objects.filter(realm=realm, external_id__in=wanted)
    return _Names(
        principals={(one.kind, one.external_id): str(one) for one in people},
        places={one.external_id: str(one) for one in places},
    )
