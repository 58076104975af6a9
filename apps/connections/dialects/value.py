"""Values: immutable lists of readers, named by their content, that equal items share.

For sources that store the whole list on each item. A thousand files with equal mode bits name one
value, and changing the bits of one file names another value instead of rewriting this one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from apps.connections.errors import ContractBroken
from apps.connections.protocol import Form, RemoteAcl, RemoteEntry

_NAME = re.compile(r"value:[0-9a-f]{64}")
# What the database's column and the engine's ranks can hold.
MAX_ORD = 32_767


def value(entries: Iterable[RemoteEntry], *, label: str = "") -> RemoteAcl:
    """Return the value that holds these entries.

    Args:
        entries: each with its `ord`; equal lists give the same value, in whatever order they come.
        label: what an admin sees of it; no part of its name.

    Raises:
        ContractBroken: an `ord` is beyond what can be stored. Cutting the list off could drop a
            denial.
    """
    told = tuple(entries)
    if any(entry.ord > MAX_ORD or entry.ord < 0 for entry in told):
        raise ContractBroken(
            f"A list of readers is longer than {MAX_ORD:,} steps and cannot be kept.",
            hint="Shorten it in its source: use groups.",
        )
    return RemoteAcl(name_of(told), label or "List of readers", entries=told, form=Form.VALUE)


def in_order(entries: Iterable[RemoteEntry]) -> tuple[RemoteEntry, ...]:
    """Number the entries of an ordered list so that the first one that matches decides.

    Of several entries for one principal only the first can ever decide, so the others are left out.
    Neighbours of the same sign may stand in any order; they share a number, which makes equal
    rules equal values.

    Args:
        entries: in the source's order, without times: an entry that ends could not hide a later
            one of the same principal.

    Raises:
        ContractBroken: an entry has a time.
    """
    first: dict[tuple[str, str], RemoteEntry] = {}
    for entry in entries:
        if entry.starts_at or entry.expires_at:
            raise ContractBroken("An ordered list of readers has an entry with a time.")
        first.setdefault((str(entry.principal.kind), entry.principal.external_id), entry)
    numbered: list[RemoteEntry] = []
    step = 0
    for entry in first.values():
        if numbered and entry.is_allowed != numbered[-1].is_allowed:
            step += 1
        numbered.append(replace(entry, ord=step))
    return tuple(numbered)


def name_of(entries: Iterable[RemoteEntry]) -> str:
    """Return the external id of the value with these entries: a digest of what decides."""
    rows = sorted(
        [
            str(entry.principal.kind),
            entry.principal.external_id,
            entry.is_allowed,
            entry.ord,
            entry.is_sticky,
            _moment(entry.starts_at),
            _moment(entry.expires_at),
            int(entry.level),
        ]
        for entry in entries
    )
    return f"value:{hashlib.sha256(json.dumps(rows).encode()).hexdigest()}"


def is_name(external_id: str) -> bool:
    """Return whether something is called as only values may be."""
    return _NAME.fullmatch(external_id) is not None


def _moment(time: datetime | None) -> str:
    return "" if time is None else str(time.timestamp())
