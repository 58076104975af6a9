"""All items that a source told of, as numbers: each once, as it was told last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.sync_events.exposure import replay
from apps.sync_events.exposure.observed import Clauses, Observed
from apps.sync_events.exposure.replay import Gone, Rows
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
        self._at: list[int] = []
        self._gone: list[Gone] = []
        self._prefixed: dict[int, set[int]] = defaultdict(set)

    @property
    def has_prefixes(self) -> bool:
        """Return whether a page called subtrees gone, so that `find_prefixed` has to be asked."""
        return any(one.prefixes for one in self._gone)

    def take(self, told: Told, observed: Observed) -> None:
        """Take a page; its policies count as a sync would store them at this moment."""
        policies = [
            self.policies.setdefault(observed.clauses_of(policy), len(self.policies))
            for policy in told.policies
        ]
        classes = [
            self.classes.setdefault(self._bounded(one), len(self.classes)) for one in told.classes
        ]
        items, page = told.items, told.page
        at = round(page.observed_at.timestamp() * 1_000_000)
        if page.deleted_prefixes or page.deleted_places:
            inside = frozenset(self._policies_within(observed, page.deleted_places))
            self._gone.append(Gone(len(self._parts), at, inside, page.deleted_prefixes))
        self._at.append(at)
        self._parts.append(
            Items(
                items.names,
                _renumbered(items.policies, policies, GONE),
                _renumbered(items.classes, classes, UNTOLD),
                items.sizes,
                items.before,
            )
        )

    def find_prefixed(self, pages: Iterable[Told]) -> None:
        """Find what lies in subtrees that are gone.

        Args:
            pages: those that were taken, once more: of ids only digests were kept.
        """
        of: dict[str, list[int]] = defaultdict(list)
        for number, one in enumerate(self._gone):
            for prefix in one.prefixes:
                of[prefix].append(number)
        lengths = {len(prefix) for prefix in of}
        for told in pages:
            for external_id, name in zip(told.ids, told.items.names.tolist(), strict=True):
                for length in lengths:
                    if external_id[:length] in of:
                        self._prefixed[name].update(of[external_id[:length]])

    def listing(self) -> Listing:
        """Return each item once, if it is there in the end."""
        rows = self._rows()
        is_odd = self._is_odd(rows)
        last, policies = _told_last(rows, np.flatnonzero(~is_odd))
        odd = replay.kept(rows, np.flatnonzero(is_odd).tolist(), self._gone, self._prefixed)
        more = np.array(odd, np.int64).reshape(-1, 2)
        last, policies = np.append(last, more[:, 0]), np.append(policies, more[:, 1])
        order = np.argsort(rows.names[last])
        last = last[order]
        return Listing(
            rows.names[last], policies[order], rows.classes[last], rows.sizes[last],
            rows.before[last],
        )  # fmt: skip

    def _rows(self) -> Rows:
        parts = self._parts
        lengths = [len(part.names) for part in parts]
        return Rows(
            names=_joined((part.names for part in parts), np.uint64),
            policies=_joined((part.policies for part in parts), np.int64),
            classes=_joined((part.classes for part in parts), np.int64),
            sizes=_joined((part.sizes for part in parts), np.int64),
            before=_joined((part.before for part in parts), np.int64),
            pages=np.repeat(np.arange(len(parts), dtype=np.int64), lengths),
            at=np.array(self._at, np.int64),
        )

    def _is_odd(self, rows: Rows) -> NDArray[np.bool_]:
        """Return which rows are about items of which not simply the last one counts."""
        last_gone = np.full(len(self.policies) + 1, -1, np.int64)  # the last one is GONE's
        for one in self._gone:
            last_gone[list(one.policies)] = one.page
        odd = rows.names[last_gone[rows.policies] >= rows.pages]
        order = np.argsort(rows.names, kind="stable")
        names, at = rows.names[order], rows.at[rows.pages[order]]
        late = names[1:][(names[1:] == names[:-1]) & (at[1:] < at[:-1])]
        prefixed = np.array(list(self._prefixed), np.uint64)
        return np.isin(rows.names, np.concatenate([odd, late, prefixed]))

    def _policies_within(self, observed: Observed, places: Iterable[str]) -> Iterator[int]:
        """Yield policies that rest on places, or on places below them, alone."""
        inside = observed.within(places)
        for clauses, number in self.policies.items():
            if any(clause <= inside for clause in clauses):
                yield number

    def _bounded(self, one: Class) -> Class:
        kind, mime, folder = one
        if folder not in self._folders:
            if len(self._folders) >= FOLDERS_AT_MOST:
                return (kind, mime, OTHER_FOLDERS)
            self._folders.add(folder)
        return one


def _told_last(rows: Rows, which: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that count of some items, and the items' policies: of each the last."""
    names, policies = rows.names[which], rows.policies[which]
    is_pointed = (rows.classes[which] == UNTOLD) & (policies != GONE)
    whole, pointed = np.flatnonzero(~is_pointed), np.flatnonzero(is_pointed)
    last = whole[_last(names[whole])]
    last = last[policies[last] != GONE]
    told = policies[last].copy()
    moved = pointed[_last(names[pointed])]
    if len(last) and len(moved):
        place = np.minimum(np.searchsorted(names[last], names[moved]), len(last) - 1)
        counts = (names[last][place] == names[moved]) & (moved > last[place])
        told[place[counts]] = policies[moved[counts]]
    return which[last], told


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
