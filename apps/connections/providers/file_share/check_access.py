"""Whether a folder lets somebody read a file just now: its own short evaluation, from the disk.

It shares no step with what `permissions.py` tells the sync, and nothing with the database, so that
one can be held against the other. Each way of saying who may read has a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from apps.connections.errors import ItemForbidden, ItemGone
from apps.connections.protocol import PrincipalKind, RemotePrincipal
from apps.connections.providers.file_share import manifest, posix_check, rules
from apps.connections.providers.file_share.location import Access, FolderSettings
from apps.connections.providers.file_share.manifest import Group, composed
from apps.connections.providers.file_share.manifest_error import ManifestInvalid
from apps.connections.providers.file_share.walk import FoundFile, Root

# (folder, its settings, path of a file that is there, one person's principals) -> may they read it
_Admits = Callable[[Root, FolderSettings, str, Sequence[RemotePrincipal]], bool | None]


def may_read(
    root: Root, settings: FolderSettings, path: str, principals: Sequence[RemotePrincipal]
) -> bool | None:
    """Return whether the folder lets a person read a file now; None where it cannot say.

    Args:
        root: the connected folder.
        settings: the connection's.
        path: of the file, relative to the root, as it was synced.
        principals: the person's.

    Raises:
        ItemGone: there is no such file any more.
        SourceUnavailable: the file system does not answer.
    """
    if not _is_there(root, path):
        return False
    admits = _BY_ACCESS.get(settings.access)
    return None if admits is None else admits(root, settings, path, principals)


def _is_there(root: Root, path: str) -> bool:
    """Return False for a file that Kenward itself may not read: nobody gets it through Kenward."""
    folder, _, name = path.rpartition("/")
    try:
        found = next(iter(root.look(folder, [name])), None)
    except ItemForbidden:
        return False
    if found is None:
        raise ItemGone("This file is not there any more.", external_id=path)
    return isinstance(found, FoundFile)


def _all_members(
    root: Root, settings: FolderSettings, path: str, principals: Sequence[RemotePrincipal]
) -> bool:
    return any(who.kind == PrincipalKind.MEMBERS for who in principals)


def _listed(
    root: Root, settings: FolderSettings, path: str, principals: Sequence[RemotePrincipal]
) -> bool:
    return bool(_addresses(principals) & {address.lower() for address in settings.audience})


def _by_manifest(
    root: Root, settings: FolderSettings, path: str, principals: Sequence[RemotePrincipal]
) -> bool:
    """Climb from the file to the root; a rule that does not inherit is the last one that counts."""
    try:
        content = rules.settled(root)
        written = None if content is None else manifest.parse(content)
    except ManifestInvalid:
        return False
    if written is None:
        return False
    mine = _names(written.groups, _addresses(principals))
    place, among = composed(path), written.files
    while True:
        rule = among.get(place)
        if rule is not None and mine & {_name(reader) for reader in rule.readers}:
            return True
        if not place or (rule is not None and not rule.inherits):
            return False
        place, among = place.rpartition("/")[0], written.folders


def _addresses(principals: Iterable[RemotePrincipal]) -> set[str]:
    return {composed(p.external_id).lower() for p in principals if p.kind == PrincipalKind.USER}


def _names(groups: Mapping[str, Group], addresses: set[str]) -> set[str]:
    """Return the addresses and all groups that they are in, directly or through others."""
    mine = set(addresses)
    while True:
        found = {
            name
            for name, group in groups.items()
            if name not in mine and mine & {_name(member) for member in group.members}
        }
        if not found:
            return mine
        mine |= found


def _name(written: str) -> str:
    """Return a reader as it is compared: addresses in lower case, names of groups as they are."""
    return written.lower() if "@" in written else written


_BY_ACCESS: dict[Access, _Admits] = {
    Access.ALL_MEMBERS: _all_members,
    Access.LISTED: _listed,
    Access.MANIFEST: _by_manifest,
    Access.POSIX: posix_check.by_file_system,
}
