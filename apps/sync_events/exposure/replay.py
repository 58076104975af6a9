"""What is there in the end of items that were called gone, or told of in another order than seen.

One item at a time, as `documents.store` does it in SQL: nothing older overrules what is newer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.sync_events.exposure.wire import GONE, UNTOLD

# In the place of a policy's number: a stored one.
_STORED = -2
# In the place of a time: before everything that was told.
_BEFORE = -1


@dataclass(frozen=True, slots=True)
class Rows:
    """What all pages told of items, in their order; arrays have shape (n,).

    Attributes:
        pages: numbers of the pages.
        at: of each page, when its source was asked; in microseconds.
    """

    names: NDArray[np.uint64]
    policies: NDArray[np.int64]
    classes: NDArray[np.int64]
    sizes: NDArray[np.int64]
    before: NDArray[np.int64]
    pages: NDArray[np.int64]
    at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gone:
    """Subtrees and places that a page calls gone.

    Attributes:
        policies: what lies in the places carries one of these.
        prefixes: what begins so is gone.
    """

    page: int
    at: int
    policies: frozenset[int]
    prefixes: tuple[str, ...]


@dataclass(slots=True)
class _Item:
    """An item as it would be stored; `at` is None where it is not, `row` where it was not told."""

    at: int | None = None
    row: int | None = None
    policy: int = _STORED
    is_live: bool = False

    def tell(self, row: int, policy: int, of: int, at: int) -> None:
        """Take what a page says of it."""
        if self.at is not None and at < self.at:
            return
        if policy == GONE:
            self.go(at)
        elif of != UNTOLD:
            self.at, self.row, self.policy, self.is_live = at, row, policy, True
        elif self.at is not None:
            self.at, self.policy = at, policy

    def go(self, at: int) -> None:
        """Take that it is gone; what was seen later stays."""
        if self.is_live and self.at is not None and self.at <= at:
            self.at, self.is_live = at, False


def kept(
    rows: Rows, which: Iterable[int], gone: Sequence[Gone], prefixed: Mapping[int, AbstractSet[int]]
) -> list[tuple[int, int]]:
    """Return the items that are there in the end, as the row that tells of each and its policy.

    Args:
        rows: of all items.
        which: all rows of the items that are asked for, in their order.
        gone: in the order of the pages.
        prefixed: digests of items -> numbers of `gone` with a prefix of theirs.
    """
    of: dict[int, list[int]] = defaultdict(list)
    for row in which:
        of[int(rows.names[row])].append(row)
    found = []
    for name, mine in of.items():
        item = _replayed(rows, mine, gone, prefixed.get(name, frozenset()))
        if item.is_live and item.row is not None:
            found.append((item.row, item.policy))
    return found


def _replayed(
    rows: Rows, mine: list[int], gone: Sequence[Gone], prefixed: AbstractSet[int]
) -> _Item:
    is_stored = any(rows.before[row] for row in mine)
    item = _Item(at=_BEFORE, is_live=True) if is_stored else _Item()
    # On each page first what it tells, then what is gone.
    turns = [(int(rows.pages[row]), False, row) for row in mine]
    turns += [(one.page, True, number) for number, one in enumerate(gone)]
    for page, is_gone, number in sorted(turns):
        if not is_gone:
            policy, kind = int(rows.policies[number]), int(rows.classes[number])
            item.tell(number, policy, kind, int(rows.at[page]))
        elif number in prefixed or item.policy in gone[number].policies:
            item.go(gone[number].at)
    return item
