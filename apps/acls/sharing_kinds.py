"""What can be shared by hand, and at which levels. Each app registers its own kinds when it starts.

These are Kenward's own objects: collections, connections, uploads. What a document's readers may
read follows from its source, never from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models

from apps.accounts.models import User
from apps.errors import NotFound


@dataclass(frozen=True, slots=True)
class ShareLevel:
    """What somebody may do with a shared object; a higher level holds all that stand below it.

    Attributes:
        name: in forms and in the audit trail.
        codename: guardian's permission.
        label: for the person who chooses it.
    """

    name: str
    codename: str
    label: str


@dataclass(frozen=True, slots=True)
class Shareable:
    """A kind of object that has a sharing page.

    Attributes:
        name: in the page's address.
        noun: what people call one of them.
        model: has `uuid` and `tenant`, and a table of each kind of `tenants.object_permissions`.
        levels: the lowest first.
        explanation: what sharing one does, and what it does not do.
        may_share: whether a person decides about an object.
        address: of an object's own page.
        owner_id: whose rows stay, whatever anybody does; None where there is no owner.
    """

    name: str
    noun: str
    model: type[models.Model]
    levels: tuple[ShareLevel, ...]
    explanation: str
    may_share: Callable[[User, Any], bool]
    address: Callable[[Any], str]
    owner_id: Callable[[Any], int | None] = lambda _shared: None

    def level(self, name: str) -> ShareLevel:
        """Return a level by its name.

        Raises:
            NotFound: there is no such level.
        """
        for level in self.levels:
            if level.name == name:
                return level
        raise NotFound("There is no such level.")

    def codenames(self, level: ShareLevel) -> set[str]:
        """Return the permissions that a level holds: its own and those of the lower ones."""
        return {each.codename for each in self.levels[: self.levels.index(level) + 1]}

    def highest(self, codenames: set[str]) -> ShareLevel | None:
        """Return the highest level that the permissions reach, or None."""
        return next((each for each in reversed(self.levels) if each.codename in codenames), None)


_by_name: dict[str, Shareable] = {}


def register(kind: Shareable) -> None:
    """Make a kind of object shareable; called once, when its app is ready."""
    _by_name[kind.name] = kind


def named(name: str) -> Shareable:
    """Return a kind by its name in addresses.

    Raises:
        NotFound: nothing of this name can be shared.
    """
    if name not in _by_name:
        raise NotFound("There is no such page.")
    return _by_name[name]


def kind_of(shared: models.Model) -> Shareable:
    """Return the kind of an object.

    Raises:
        NotFound: objects of this model are not shared.
    """
    for kind in _by_name.values():
        if type(shared) is kind.model:
            return kind
    raise NotFound("This cannot be shared.")


def registered() -> tuple[Shareable, ...]:
    """Return every kind, in the order of registration."""
    return tuple(_by_name.values())
