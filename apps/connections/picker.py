"""Picking what of an account is synced: a tree whose branches are asked for when they are opened.

It works by forms alone: each request carries what is ticked and which branches are open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from apps.connections import providers
from apps.connections.errors import ConnectorError
from apps.connections.models import Connection
from apps.connections.protocol import Choice, OffersChoices

# Branches open at once, each of which is a question to the source; rows shown of each; ticks.
MAX_OPEN = 20
MAX_SHOWN = 1000
MAX_PICKED = 2000


class Sent(Protocol):
    """What a form sends; Django's `QueryDict` is one."""

    def getlist(self, key: str) -> list[str]:
        """Return all values of a field."""
        ...

    def get(self, key: str) -> str | None:
        """Return the last value of a field."""
        ...


@dataclass(frozen=True, slots=True)
class Picked:
    """What is ticked, and which branches are open, in the order in which they were."""

    ids: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A choice in the tree.

    Attributes:
        choice: as the source names it.
        is_picked: whether it is ticked.
        is_open: whether its branch is shown.
        children: of an open one.
        problem: why an open branch cannot be shown.
        is_cut: whether there is more below it than is shown.
    """

    choice: Choice
    is_picked: bool
    is_open: bool
    children: tuple[Node, ...] = ()
    problem: str = ""
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """What can be picked.

    Attributes:
        nodes: at the top.
        elsewhere: ids that are ticked and stand in no open branch.
        is_cut: whether there is more at the top than is shown.
    """

    nodes: tuple[Node, ...]
    elsewhere: tuple[str, ...]
    is_cut: bool = False


def stored(connection: Connection) -> Picked:
    """Return what is picked of a connection, with no branch open."""
    field = providers.load(connection.kind).settings_form.picked_field
    ids = connection.settings.get(field) if field else ()
    return Picked(tuple(map(str, ids or ())))


def sent(form: Sent) -> Picked:
    """Return what a form says; its buttons `open` and `close` name a branch."""
    opened = list(dict.fromkeys(form.getlist("opened")))
    if (branch := form.get("close")) is not None:
        opened = [one for one in opened if one != branch]
    elif (branch := form.get("open")) and branch not in opened:
        opened.append(branch)
    picked = tuple(dict.fromkeys(form.getlist("picked")))[:MAX_PICKED]
    return Picked(picked, tuple(opened[-MAX_OPEN:]))


def offers(connection: Connection) -> bool:
    """Return whether parts of a connection's account can be picked."""
    provider = providers.load(connection.kind)
    return bool(provider.settings_form.picked_field) and issubclass(provider, OffersChoices)


def tree(connection: Connection, picked: Picked) -> Tree:
    """Ask the source what can be picked.

    Args:
        connection: of the bound tenant, whose kind offers choices.
        picked: what is ticked, and which branches to ask for.

    Raises:
        ConnectorError: the source does not answer, or takes the account no more.
    """
    connector = providers.connector_for(connection)
    if not isinstance(connector, OffersChoices):
        return Tree((), picked.ids)
    top = connector.choices()
    nodes = tuple(_nodes(connector, top[:MAX_SHOWN], picked))
    shown = set(_ids(nodes))
    elsewhere = tuple(one for one in picked.ids if one not in shown)
    return Tree(nodes, elsewhere, is_cut=len(top) > MAX_SHOWN)


def settings_with(connection: Connection, picked: Picked) -> Mapping[str, Any]:
    """Return a connection's settings with what is picked, as `change.change` takes them."""
    field = providers.load(connection.kind).settings_form.picked_field
    return {**connection.settings, field: list(picked.ids)} if field else connection.settings


def _nodes(
    connector: OffersChoices, choices: Sequence[Choice], picked: Picked, above: Collection[str] = ()
) -> Iterator[Node]:
    for choice in choices:
        # A source's tree should have no circles; one that had would be followed for ever.
        is_open = choice.has_children and choice.id in picked.opened and choice.id not in above
        children: tuple[Node, ...] = ()
        problem, is_cut = "", False
        if is_open:
            try:
                found = connector.choices(choice.id)
            except ConnectorError as error:
                problem = error.message
            else:
                is_cut = len(found) > MAX_SHOWN
                below = [*above, choice.id]
                children = tuple(_nodes(connector, found[:MAX_SHOWN], picked, below))
        yield Node(choice, choice.id in picked.ids, is_open, children, problem, is_cut)


def _ids(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        yield node.choice.id
        yield from _ids(node.children)
