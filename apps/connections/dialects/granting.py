"""What sources that only allow have in common: of several allowances the widest counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from apps.connections.protocol import Form, Mode, RemoteAcl, RemoteEntry

_NEVER = datetime.max.replace(tzinfo=UTC)
_ALWAYS = datetime.min.replace(tzinfo=UTC)


def place(
    external_id: str,
    entries: Iterable[RemoteEntry],
    *,
    label: str = "",
    parent: str | None = None,
    cuts: bool = False,
) -> RemoteAcl:
    """Return a place whose entries only allow; each principal stands in it once.

    Args:
        external_id: as the source names it.
        entries: allowances in any order.
        label: what people see.
        parent: the place above it.
        cuts: whether what is granted above ends here, sticky entries excepted.
    """
    return RemoteAcl(
        external_id,
        label or external_id,
        parent=parent,
        mode=Mode.CUT if cuts else Mode.ADD,
        entries=merged(entries),
        form=Form.PLACE,
    )


def merged(entries: Iterable[RemoteEntry]) -> tuple[RemoteEntry, ...]:
    """Join the allowances of each principal.

    Of times that differ, one allowance is kept: the one that lasts longest, then the one that
    begins first. Its level is its own, so that nobody may write for longer than the source says.
    Only where two of them touch or overlap, the joined one begins when the first does. Equal lists
    give equal entries in whatever order a source tells them.
    """
    found: dict[tuple[str, str], RemoteEntry] = {}
    for entry in sorted(entries, key=_lasting, reverse=True):
        name = str(entry.principal.kind), entry.principal.external_id
        found[name] = _joined(found[name], entry) if name in found else entry
    return tuple(found.values())


def _joined(one: RemoteEntry, other: RemoteEntry) -> RemoteEntry:
    longer, shorter = sorted((one, other), key=_lasting, reverse=True)
    if longer.is_sticky != shorter.is_sticky:
        # What passes a cut must neither begin earlier nor last longer than the source says.
        return longer if longer.is_sticky else shorter
    touches = (shorter.expires_at or _NEVER) >= (longer.starts_at or _ALWAYS)
    if not touches or (shorter.starts_at or _ALWAYS) >= (longer.starts_at or _ALWAYS):
        return longer
    return replace(longer, starts_at=shorter.starts_at, level=min(longer.level, shorter.level))


def _lasting(entry: RemoteEntry) -> tuple[datetime, timedelta, int, bool]:
    start = entry.starts_at or _ALWAYS
    return entry.expires_at or _NEVER, _ALWAYS - start, int(entry.level), entry.is_sticky
