"""From a folder's audience or manifest to places, entries and groups. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from apps.connections.dialects.audience import person
from apps.connections.dialects.audiences import MEMBERS
from apps.connections.protocol import (
    Mode,
    PrincipalKind,
    Problem,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemotePolicy,
    RemotePrincipal,
)
from apps.connections.providers.file_share.manifest import NAME, Group, Manifest, Rule, composed

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Readers:
    """What one place says itself."""

    mode: Mode = Mode.ADD
    entries: tuple[RemoteEntry, ...] = ()
    labels: tuple[str, ...] = ()


_SILENT = Readers()


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may read what in one folder. Without any rule: nobody.

    Attributes:
        folders: by path in composed form, without a trailing slash; "" is the root.
        files: likewise; these files are places of their own.
        written: folder and file rules of the manifest, to be compared with what exists.
        problems: what an admin should know, whatever the folder holds.
    """

    groups: tuple[RemoteGroup, ...] = ()
    folders: Mapping[str, Readers] = field(default_factory=dict)
    files: Mapping[str, Readers] = field(default_factory=dict)
    written: tuple[tuple[str, Rule], ...] = ()
    problems: tuple[Problem, ...] = ()

    def folder_place(self, path: str) -> RemoteAcl:
        """Return the place of a folder, by its path as it is on disk."""
        own = self.folders.get(composed(path), _SILENT)
        return RemoteAcl(
            external_id=folder_id(path),
            label=f"/{path}",
            parent=folder_id(enclosing(path)) if path else None,
            mode=own.mode,
            entries=own.entries,
        )

    def file_place(self, path: str) -> RemoteAcl | None:
        """Return the place of a file that has a rule of its own, or None."""
        own = self.files.get(composed(path))
        if own is None:
            return None
        return RemoteAcl(
            external_id=f"file:{path}",
            label=f"/{path}",
            parent=folder_id(enclosing(path)),
            mode=own.mode,
            entries=own.entries,
        )

    def policy(self, path: str) -> RemotePolicy:
        """Return the policy of a file: its own place, or its folder's."""
        place = f"file:{path}" if composed(path) in self.files else folder_id(enclosing(path))
        return ((place,),)

    def labels(self, path: str) -> tuple[str, ...]:
        """Return the labels of a file: of all folders around it, then its own; each once."""
        folders = (self.folders.get(composed(f)) for f in ancestors(enclosing(path)))
        told = [own.labels for own in (*folders, self.files.get(composed(path))) if own]
        return tuple(dict.fromkeys(label for labels in told for label in labels))


def folder_id(path: str) -> str:
    """Return the external id of a folder's place: with a trailing slash, "./" for the root."""
    return f"{path}/" if path else "./"


def enclosing(path: str) -> str:
    """Return the folder around a file or folder; "" is the root."""
    return path.rpartition("/")[0]


def ancestors(path: str) -> Iterator[str]:
    """Return the folders from the root down to this one, itself included."""
    yield ""
    for end, character in enumerate(path):
        if character == "/":
            yield path[:end]
    if path:
        yield path


def for_all_members() -> Rules:
    """Let every full member of the tenant read everything."""
    return Rules(folders={"": Readers(Mode.CUT, (RemoteEntry(MEMBERS),))})


def for_listed(addresses: Iterable[str]) -> Rules:
    """Let these people read everything."""
    entries = tuple(RemoteEntry(person(address)) for address in dict.fromkeys(addresses))
    return Rules(folders={"": Readers(Mode.CUT, entries)})


def for_nobody(reason: Problem) -> Rules:
    """Close the folder, because its manifest cannot be relied on."""
    return Rules(folders={"": Readers(Mode.CUT)}, problems=(reason,))


def from_manifest(manifest: Manifest) -> Rules:
    """Translate a valid manifest. A reader that it does not define is dropped and reported."""
    unknown: list[Problem] = []
    return Rules(
        groups=tuple(_group(group, manifest, unknown) for group in manifest.groups.values()),
        folders={
            path: _own_readers(rule, manifest, unknown) for path, rule in manifest.folders.items()
        },
        files={
            path: _own_readers(rule, manifest, unknown) for path, rule in manifest.files.items()
        },
        written=(
            *(("folder", rule) for rule in manifest.folders.values()),
            *(("file", rule) for rule in manifest.files.values()),
        ),
        problems=tuple(unknown),
    )


def with_problem(rules: Rules, problem: Problem) -> Rules:
    """Return the same rules with one more thing to report."""
    return replace(rules, problems=(*rules.problems, problem))


def _own_readers(rule: Rule, manifest: Manifest, unknown: list[Problem]) -> Readers:
    where = f"the readers of “/{rule.path}” (line {rule.line})"
    principals = _principals(rule.readers, manifest, where, unknown)
    entries = tuple(RemoteEntry(principal) for principal in principals)
    return Readers(Mode.ADD if rule.inherits else Mode.CUT, entries, rule.labels)


def _group(group: Group, manifest: Manifest, unknown: list[Problem]) -> RemoteGroup:
    where = f"the members of the group “{group.name}”"
    members = _principals(group.members, manifest, where, unknown)
    itself = _as_principal(group)
    return RemoteGroup(itself, tuple(member for member in members if member != itself))


def _principals(
    names: Iterable[str], manifest: Manifest, where: str, unknown: list[Problem]
) -> tuple[RemotePrincipal, ...]:
    """Translate readers or members; each stands at most once in what is returned."""
    found: dict[RemotePrincipal, None] = {}
    for name in names:
        if name in manifest.groups:
            found[_as_principal(manifest.groups[name])] = None
        elif _ADDRESS.fullmatch(name):
            found[person(name)] = None
        else:
            unknown.append(_unknown_reader(name, where))
    return tuple(found)


def _unknown_reader(name: str, where: str) -> Problem:
    kind = "an e-mail address" if "@" in name else "a group of the manifest"
    return Problem(
        NAME,
        "manifest_reader_unknown",
        f"“{name}” among {where} is not {kind}: nobody gets in through it.",
        hint=f"Correct the name, or define the group under “groups” in {NAME}.",
    )


def _as_principal(group: Group) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.GROUP, group.name, label=group.label)
