"""What is stored and what a source says now, met: never wider than either. Pure functions.

Reading is decided by the first matching entry along a line of places, so each of these steps can
only narrow: an allowing entry goes, or moves behind others; a denying one comes, or moves before
others; a place that nothing reads through is cut off. A meet takes such steps alone, from both
sides. What is missing from it to what the source says are its *wants*, as lines that depend on
what is said now and not on what is stored: so they stay the same while they are held back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from apps.acls.external_ids import key
from apps.acls.principals import Name, name_of
from apps.connections.protocol import Mode, RemoteAcl, RemoteEntry, RemoteGroup, RemotePrincipal

Line = tuple[str, ...]

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_AFTER_ALL = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Uses:
    """Whether entries allow or deny by a group, or by one that it leads up to."""

    allow: bool = False
    deny: bool = False


@dataclass(frozen=True, slots=True)
class MetPlace:
    """What may be stored of a place, and what is missing from it to what its source says."""

    place: RemoteAcl
    wants: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class MetGroup:
    """What may be stored of a group, and what is missing from it to what its source says."""

    group: RemoteGroup
    wants: tuple[Line, ...]


def places(old: RemoteAcl, new: RemoteAcl, *, passes_cuts: bool) -> MetPlace:
    """Meet what is stored of a place with what its source says.

    Args:
        old: as it is stored.
        new: as it is told.
        passes_cuts: whether anything that is read passes a cut: then a cut is not sure to narrow.
    """
    kept, wants = _entries(by_name(old.entries), by_name(new.entries))
    parent, mode, is_whole = _position(old, new, passes_cuts=passes_cuts)
    if not is_whole:
        wants.append(("stands below", new.parent or "", str(new.mode)))
    met = replace(new, parent=parent, mode=mode, entries=tuple(kept))
    return MetPlace(met, tuple(sorted(wants)))


def groups(old: RemoteGroup, new: RemoteGroup, uses: Uses) -> MetGroup:
    """Meet the stored members of a group with the told ones.

    Whom entries allow by the group must be in both lists, whom they deny in one. Where they do
    both, only unknown members can stand for that: they may be denied and are never allowed.
    """
    was, now = _members(old), _members(new)
    if uses.deny and uses.allow:
        return _met_by_unknown(old, new, was, now)
    if uses.deny:
        return _met_for_denials(old, new, was, now)
    if not uses.allow:
        return MetGroup(new, ())
    both = {name: (now[name][0], min(was[name][1], now[name][1])) for name in was.keys() & now}
    wants = [
        ("joins", *name, _time(end))
        for name, (_, end) in now.items()
        if name not in both or both[name][1] < end
    ]
    return MetGroup(_with(new, both, is_known=new.is_known), tuple(sorted(wants)))


def deletion(old: RemoteGroup, uses: Uses) -> MetGroup | None:
    """Return what stands in for a group that its source has deleted; None: it may just go."""
    if not uses.deny:
        return None
    wants = (("is deleted",),)
    if uses.allow:
        return MetGroup(replace(old, members=(), ends=(), is_known=False), wants)
    return MetGroup(old, wants)


def by_name(entries: Iterable[RemoteEntry]) -> dict[Name, RemoteEntry]:
    """Return the entry that counts for each principal, as `acls.entries` picks it."""
    ordered = sorted(entries, key=lambda e: (-e.ord, e.is_allowed is False, e.level))
    return {name_of(entry.principal): entry for entry in ordered}


def _entries(
    old: Mapping[Name, RemoteEntry], new: Mapping[Name, RemoteEntry]
) -> tuple[list[RemoteEntry], list[Line]]:
    kept: list[RemoteEntry] = []
    wants: list[Line] = []
    for name in sorted(old.keys() | new):
        was, now = old.get(name), new.get(name)
        met = _entry(was, now)
        if met is not None:
            kept.append(met)
        if met != now and not _only_narrows(was, now):
            wants.append(_line(name, now))
    return kept, wants


def _only_narrows(was: RemoteEntry | None, now: RemoteEntry | None) -> bool:
    allows = now is not None and now.is_allowed and not _is_never(now)
    return (was is None or was.is_allowed) and not allows


def _is_never(entry: RemoteEntry) -> bool:
    return (entry.starts_at or _BEFORE_ALL) >= (entry.expires_at or _AFTER_ALL)


def _entry(was: RemoteEntry | None, now: RemoteEntry | None) -> RemoteEntry | None:
    """Return the entry for one principal that reads no more than either; None: there is none."""
    if was is None or now is None:
        only = was or now
        return None if only is None or only.is_allowed else only
    if was.is_allowed and now.is_allowed:
        return _both_allow(was, now)
    if was.is_allowed:
        return now
    if now.is_allowed:
        return replace(was, ord=min(was.ord, now.ord), principal=now.principal)
    starts = min(was.starts_at or _BEFORE_ALL, now.starts_at or _BEFORE_ALL)
    ends = max(was.expires_at or _AFTER_ALL, now.expires_at or _AFTER_ALL)
    return replace(
        now,
        ord=min(was.ord, now.ord),
        is_sticky=was.is_sticky or now.is_sticky,
        starts_at=None if starts == _BEFORE_ALL else starts,
        expires_at=None if ends == _AFTER_ALL else ends,
    )


def _both_allow(was: RemoteEntry, now: RemoteEntry) -> RemoteEntry | None:
    starts = max(was.starts_at or _BEFORE_ALL, now.starts_at or _BEFORE_ALL)
    ends = min(was.expires_at or _AFTER_ALL, now.expires_at or _AFTER_ALL)
    if starts >= ends:
        return None
    return replace(
        now,
        ord=max(was.ord, now.ord),
        is_sticky=was.is_sticky and now.is_sticky,
        starts_at=None if starts == _BEFORE_ALL else starts,
        expires_at=None if ends == _AFTER_ALL else ends,
        level=min(was.level, now.level),
    )


def _line(name: Name, now: RemoteEntry | None) -> Line:
    if now is None:
        return ("is not denied any more", *name)
    what = "may read" if now.is_allowed else "is denied less"
    return (
        what,
        *name,
        str(now.ord),
        str(now.is_sticky),
        _time(now.starts_at or _BEFORE_ALL),
        _time(now.expires_at or _AFTER_ALL),
        str(int(now.level)),
    )


def _position(
    old: RemoteAcl, new: RemoteAcl, *, passes_cuts: bool
) -> tuple[str | None, Mode, bool]:
    """Return parent and mode, and whether they are all that the source says."""
    is_same_place = (old.parent and key(old.parent)) == (new.parent and key(new.parent))
    if is_same_place and old.mode == new.mode:
        return new.parent, new.mode, True
    if passes_cuts:
        return None, Mode.CUT, False
    if new.mode == Mode.CUT:
        return new.parent, Mode.CUT, True
    if is_same_place:
        return new.parent, Mode.CUT, False
    return None, Mode.CUT, False


Members = dict[Name, tuple[RemotePrincipal, datetime]]


def _members(group: RemoteGroup) -> Members:
    ends: dict[Name, datetime] = {}
    for member, end in group.ends:
        name = name_of(member)
        ends[name] = min(end, ends.get(name, end))
    itself = name_of(group.principal)
    found = {name_of(member): member for member in group.members}
    return {n: (m, ends.get(n, _AFTER_ALL)) for n, m in found.items() if n != itself}


def _with(group: RemoteGroup, members: Members, *, is_known: bool) -> RemoteGroup:
    ordered = [members[name] for name in sorted(members)]
    return replace(
        group,
        members=tuple(member for member, _ in ordered),
        ends=tuple((member, end) for member, end in ordered if end < _AFTER_ALL),
        is_known=is_known,
    )


def _met_for_denials(old: RemoteGroup, new: RemoteGroup, was: Members, now: Members) -> MetGroup:
    either: Members = dict(now)
    wants: list[Line] = []
    for name, (member, end) in was.items():
        if name not in now:
            either[name] = (member, end)
            wants.append(("leaves, and is denied by it", *name))
        elif end > now[name][1]:
            either[name] = (now[name][0], end)
            wants.append(("leaves, and is denied by it", *name, _time(now[name][1])))
    if new.is_known and not old.is_known:
        wants.append(("has known members, and denies the others no more",))
    return MetGroup(
        _with(new, either, is_known=new.is_known and old.is_known), tuple(sorted(wants))
    )


def _met_by_unknown(old: RemoteGroup, new: RemoteGroup, was: Members, now: Members) -> MetGroup:
    both = {name: (now[name][0], min(was[name][1], now[name][1])) for name in was.keys() & now}
    stays = _ends(was) == _ends(now) and old.is_known
    if stays or (_ends(both) == _ends(now) and not new.is_known):
        return MetGroup(new, ())
    listed = [(*name, _time(end)) for name, (_, end) in sorted(now.items())]
    digest = hashlib.sha256(repr(listed).encode()).hexdigest()
    wants = (("has other members, and allows and denies by them", digest),)
    return MetGroup(_with(new, both, is_known=False), wants)


def _ends(members: Members) -> dict[Name, datetime]:
    return {name: end for name, (_, end) in members.items()}


def _time(moment: datetime) -> str:
    return "" if moment in (_BEFORE_ALL, _AFTER_ALL) else moment.astimezone(UTC).isoformat()
