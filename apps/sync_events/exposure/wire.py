"""A source's page as a report keeps it until it is made: permissions whole, items as numbers.

Of an item remain its id with a digest, its policy, kind, type, top folder, size, and of a few the
path. No title is kept, and nothing of the content was ever asked for. The report itself has no ids:
they are kept until it is made, since a later page may call all gone that begins alike.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.connections.protocol import (
    Form,
    Mode,
    Page,
    PrincipalKind,
    Problem,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemoteItem,
    RemotePolicy,
    RemotePrincipal,
)

# In the place of a policy's number: the item is gone.
GONE = -1
# In the place of a class's number: only the item's policy was told, or that it is gone.
UNTOLD = -1
_LONGEST_FOLDER = 200
_LONGEST_PATH = 500

# Kind of item, MIME type, top folder ("" for none).
Class = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Items:
    """What a page told of items, in its order; one row each.

    Attributes:
        names: digests of the external ids.
        policies: numbers of the page's policies, or `GONE`.
        classes: numbers of the page's classes, or `UNTOLD`.
        sizes: in bytes.
        before: ids of the stored policies; 0 where there is no live document.
    """

    names: NDArray[np.uint64]
    policies: NDArray[np.int32]
    classes: NDArray[np.int32]
    sizes: NDArray[np.int64]
    before: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Told:
    """A page as it was kept.

    Attributes:
        page: its permissions, problems, subtrees and places that are gone; no items.
        ids: external ids, one for each row of `items`.
        sampled: (row of `items`, path) of a few.
    """

    page: Page
    policies: list[RemotePolicy]
    classes: list[Class]
    items: Items
    ids: list[str]
    sampled: list[tuple[int, str]]


def name_of(external_id: str) -> int:
    """Return the digest by which an item is known."""
    return int.from_bytes(hashlib.blake2b(external_id.encode(), digest_size=8).digest(), "big")


def pack(page: Page, before: Mapping[str, int], *, with_items: bool, paths: int) -> bytes:
    """Return a page as it is kept.

    Args:
        page: as the connector told it.
        before: stored policies of live documents, by external id.
        with_items: whether what it tells of items counts.
        paths: how many paths are kept.
    """
    people: dict[RemotePrincipal, int] = {}
    told: dict[str, Any] = {
        "at": page.observed_at.isoformat(),
        "groups": [_group(group, people) for group in page.groups],
        "buried": [_principal(one, people) for one in page.deleted_groups],
        "acls": [_acl(acl, people) for acl in page.acls],
        "complete": page.are_acls_complete,
        "problems": [
            [p.external_id[:_LONGEST_PATH], p.code, p.message, p.hint, p.is_error]
            for p in page.problems
        ],
    }
    told["people"] = [[str(p.kind), p.external_id, p.label, p.email, p.is_active] for p in people]
    if with_items:
        told |= _items(page, before, paths)
    return zlib.compress(json.dumps(told, separators=(",", ":")).encode())


def unpack(kept: bytes | memoryview) -> Told:
    """Return what `pack` has kept."""
    told = json.loads(zlib.decompress(bytes(kept)))
    people = [
        RemotePrincipal(PrincipalKind(kind), external_id, label, email, is_active)
        for kind, external_id, label, email, is_active in told["people"]
    ]
    page = Page(
        observed_at=datetime.fromisoformat(told["at"]),
        groups=tuple(
            RemoteGroup(
                people[group],
                tuple(people[m] for m in members),
                is_known,
                tuple((people[m], datetime.fromisoformat(end)) for m, end in ends),
            )
            for group, members, is_known, ends in told["groups"]
        ),
        deleted_groups=tuple(people[one] for one in told["buried"]),
        acls=tuple(_unpacked_acl(acl, people) for acl in told["acls"]),
        are_acls_complete=told["complete"],
        problems=tuple(Problem(*one) for one in told["problems"]),
        deleted_prefixes=tuple(told.get("prefixes", ())),
        deleted_places=tuple(told.get("places", ())),
    )
    rows = told.get("rows") or [""] * 5
    return Told(
        page=page,
        policies=[tuple(map(tuple, clauses)) for clauses in told.get("policies", ())],
        classes=[(kind, mime, folder) for kind, mime, folder in told.get("classes", ())],
        items=Items(
            _array(rows[0], np.uint64),
            _array(rows[1], np.int32),
            _array(rows[2], np.int32),
            _array(rows[3], np.int64),
            _array(rows[4], np.int64),
        ),
        ids=told.get("ids", []),
        sampled=[(row, path) for row, path in told.get("paths", ())],
    )


def _principal(one: RemotePrincipal, people: dict[RemotePrincipal, int]) -> int:
    return people.setdefault(one, len(people))


def _group(group: RemoteGroup, people: dict[RemotePrincipal, int]) -> list[Any]:
    return [
        _principal(group.principal, people),
        [_principal(member, people) for member in group.members],
        group.is_known,
        [[_principal(member, people), end.isoformat()] for member, end in group.ends],
    ]


def _acl(acl: RemoteAcl, people: dict[RemotePrincipal, int]) -> list[Any]:
    entries = [
        [
            _principal(entry.principal, people),
            entry.is_allowed,
            entry.ord,
            entry.is_sticky,
            entry.starts_at and entry.starts_at.isoformat(),
            entry.expires_at and entry.expires_at.isoformat(),
        ]
        for entry in acl.entries
    ]
    return [acl.external_id, acl.parent, acl.mode == Mode.CUT, acl.form == Form.VALUE, entries]


def _unpacked_acl(told: list[Any], people: Sequence[RemotePrincipal]) -> RemoteAcl:
    external_id, parent, cuts, is_value, entries = told
    return RemoteAcl(
        external_id,
        "",
        parent,
        Mode.CUT if cuts else Mode.ADD,
        tuple(
            RemoteEntry(people[who], is_allowed, rank, is_sticky, _moment(starts), _moment(ends))
            for who, is_allowed, rank, is_sticky, starts, ends in entries
        ),
        Form.VALUE if is_value else Form.PLACE,
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _items(page: Page, before: Mapping[str, int], paths: int) -> dict[str, Any]:
    """Return the rows in the order in which a sync applies them: policies, items, deletions."""
    policies: dict[RemotePolicy, int] = {}
    classes: dict[Class, int] = {}
    ids = [name for name, _ in page.item_policies]
    ids += [*(item.external_id for item in page.items), *page.deleted_ids]
    rows: list[tuple[int, int, int, int]] = []
    for _, policy in page.item_policies:
        rows.append((policies.setdefault(policy, len(policies)), UNTOLD, 0, 0))
    first = len(rows)
    for item in page.items:
        number = policies.setdefault(item.policy, len(policies))
        of = classes.setdefault(_class(item), len(classes))
        rows.append((number, of, item.size_bytes, before.get(item.external_id, 0)))
    rows += [(GONE, UNTOLD, 0, 0)] * len(page.deleted_ids)
    columns = [map(name_of, ids), *(list(zip(*rows, strict=True)) or [()] * 4)]
    types = (np.uint64, np.int32, np.int32, np.int64, np.int64)
    return {
        "policies": list(policies),
        "classes": list(classes),
        "ids": ids,
        "prefixes": page.deleted_prefixes,
        "places": page.deleted_places,
        "rows": [_packed(column, of) for column, of in zip(columns, types, strict=True)],
        "paths": [
            [first + row, page.items[row].path[:_LONGEST_PATH]]
            for row in _sampled(page.items, paths)
        ],
    }


def _class(item: RemoteItem) -> Class:
    folder, slash, _ = item.path.lstrip("/").partition("/")
    return (item.kind.value, item.mime_type, folder[:_LONGEST_FOLDER] if slash else "")


def _sampled(items: Sequence[RemoteItem], at_most: int) -> list[int]:
    """Return rows to show: of each policy some, those first of which there are fewest."""
    met: Counter[RemotePolicy] = Counter()
    turns: list[tuple[int, int]] = []
    for row, item in enumerate(items):
        turns.append((met[item.policy], row))
        met[item.policy] += 1
    return [row for _, row in sorted(turns)[:at_most]]


def _packed(column: Iterable[int], of: Any) -> str:
    return b64encode(np.array(list(column), of).tobytes()).decode()


def _array(text: str, of: Any) -> NDArray[Any]:
    return np.frombuffer(b64decode(text), of)
