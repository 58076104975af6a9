"""All items that a source told of, as numbers: each once, as it was told last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.sync_events.exposure.observed import Clauses, Observed
from apps.sync_events.exposure.wire import GONE, UNTOLD, Class, Items, Told

# Top folders that are told apart; what lies in others is counted together.
FOLDERS_AT_MOST = 5_000
OTHER_FOLDERS = "…"


@dataclass(frozen=True, slots=True)
class Listing:
    """The items that are there in the end; arrays have shape (n,), names are sorted."""

    names: NDArray[np.uint64]
    policies: NDArray[np.int64]
    classes: NDArray[np.int64]
    sizes: NDArray[np.int64]
    before: NDArray[np.int64]

    def policy_of(self, name: int) -> int | None:
        """Return the number of an item's policy; None where it is not there."""
        place = int(np.searchsorted(self.names, np.uint64(name)))
        if place == len(self.names) or int(self.names[place]) != name:
            return None
        return int(self.policies[place])


class Gathered:
    """Takes what pages tell of items, in their order."""

    def __init__(self) -> None:
        self.policies: dict[Clauses, int] = {}
        self.classes: dict[Class, int] = {}
        self._folders: set[str] = set()
        self._parts: list[Items] = []

    def take(self, told: Told, observed: Observed) -> None:
        """Take a page; its policies count as a sync would store them at this moment."""
        policies = [
            self.policies.setdefault(observed.clauses_of(policy), len(self.policies))
            for policy in told.policies
        ]
        classes = [
            self.classes.setdefault(self._bounded(one), len(self.classes)) for one in told.classes
        ]
        items = told.items
        self._parts.append(
            Items(
                items.names,
                _renumbered(items.policies, policies, GONE),
                _renumbered(items.classes, classes, UNTOLD),
                items.sizes,
                items.before,
            )
        )

    def listing(self) -> Listing:
        """Return each item once.

        Of a subtree that a page calls gone (`deleted_prefixes`) the items told before in the same
        sweep stay: they can only have gone while it was listed.
        """
        names = _joined((part.names for part in self._parts), np.uint64)
        policies = _joined((part.policies for part in self._parts), np.int64)
        classes = _joined((part.classes for part in self._parts), np.int64)
        is_pointed = (classes == UNTOLD) & (policies != GONE)
        whole, pointed = np.flatnonzero(~is_pointed), np.flatnonzero(is_pointed)
        last = whole[_last(names[whole])]
        last = last[policies[last] != GONE]
        told = policies[last].copy()
        moved = pointed[_last(names[pointed])]
        if len(last) and len(moved):
            place = np.minimum(np.searchsorted(names[last], names[moved]), len(last) - 1)
            counts = (names[last][place] == names[moved]) & (moved > last[place])
            told[place[counts]] = policies[moved[counts]]
        return Listing(
            names[last],
            told,
            classes[last],
            _joined((part.sizes for part in self._parts), np.int64)[last],
            _joined((part.before for part in self._parts), np.int64)[last],
        )

    def _bounded(self, one: Class) -> Class:
        kind, mime, folder = one
        if folder not in self._folders:
            if len(self._folders) >= FOLDERS_AT_MOST:
                return (kind, mime, OTHER_FOLDERS)
            self._folders.add(folder)
        return one


def _renumbered(column: NDArray[np.int32], numbers: list[int], other: int) -> NDArray[np.int32]:
    # The last one is reached by -1, which both marks are.
    return np.array([*numbers, other], np.int32)[column]


def _joined(parts: Iterable[NDArray[Any]], of: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, of), *parts]).astype(of)


def _last(names: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return where each name stands for the last time, in the order of the names."""
    order = np.argsort(names, kind="stable")
    ordered = names[order]
    is_last = np.ones(len(order), bool)
    is_last[:-1] = ordered[1:] != ordered[:-1]
    return order[is_last]
