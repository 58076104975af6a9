"""Goes through a folder in a fixed order, and can go on behind any file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from apps.connections.errors import ItemForbidden, ItemGone
from apps.connections.protocol import Problem
from apps.connections.providers.file_share import manifest, system_errors
from apps.connections.providers.file_share.permissions import folder_id
from apps.connections.providers.file_share.walk import Listing, Root

_NAMED_IN_A_MESSAGE = 5

# Files of a folder come before its subfolders, both by name.
_Position = tuple[tuple[int, str], ...]


@dataclass(slots=True)
class Batch:
    """Some files to look at, in order, and what was noticed on the way to them.

    Attributes:
        files: (folder, names in it), each folder once; the last name is where the next one goes on.
    """

    files: list[tuple[str, list[str]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    @property
    def last(self) -> str:
        """The path of the last file."""
        folder, names = self.files[-1]
        return joined(folder, names[-1])


@dataclass(slots=True)
class Survey:
    """The shape of the whole folder.

    Attributes:
        folders: every folder, each behind the one around it.
        ruled_files: the files that a rule was asked for.
        files: how many files there are.
    """

    folders: list[str] = field(default_factory=list)
    ruled_files: list[str] = field(default_factory=list)
    files: int = 0


def joined(folder: str, name: str) -> str:
    """Return the path of a name in a folder."""
    return f"{folder}/{name}" if folder else name


def batches(root: Root, *, start: str = "", after: str = "", limit: int) -> Iterator[Batch]:
    """Yield all files below a folder, at most `limit` at once; the last batch may be empty.

    Args:
        root: the connected folder.
        start: folder to go through; "" is the root.
        after: path of a file; it and everything before it are left out, whether or not it still
            exists.
        limit: most files in one batch.
    """
    batch = Batch()
    for folder, names, problems in _visits(root, start, after):
        batch.problems += problems
        start_of_rest = 0
        while start_of_rest < len(names):
            taken = names[start_of_rest : start_of_rest + limit - batch.count]
            start_of_rest += len(taken)
            batch.files.append((folder, taken))
            batch.count += len(taken)
            if batch.count == limit:
                yield batch
                batch = Batch()
    yield batch


def survey(root: Root, ruled: frozenset[str]) -> Survey:
    """Look through all folders without looking at any file.

    Args:
        root: the connected folder.
        ruled: paths in composed form (see `manifest.composed`) of files that have a rule.
    """
    found = Survey()
    ruled_folders = {path.rpartition("/")[0] for path in ruled}
    for folder, listing in _folders(root, "", ()):
        found.folders.append(folder)
        if not isinstance(listing, Listing):
            continue
        found.files += len(listing.files)
        if manifest.composed(folder) in ruled_folders:
            paths = [joined(folder, name) for name in listing.files]
            found.ruled_files += [path for path in paths if manifest.composed(path) in ruled]
    return found


def _visits(root: Root, start: str, after: str) -> Iterator[tuple[str, list[str], list[Problem]]]:
    """Yield (folder, names of files still to come, problems) for every folder still to come."""
    position = _position(after)
    for folder, listing in _folders(root, start, position):
        # Problems of a folder that holds `after` were told when it was first gone through.
        is_new = not after or not f"{after}/".startswith(f"{folder}/" if folder else "")
        if isinstance(listing, ItemForbidden):
            yield folder, [], [as_problem(listing, is_folder=True)]
            continue
        names = [name for name in listing.files if _position(joined(folder, name)) > position]
        yield folder, names, _problems(root, folder, listing) if is_new else []


def _folders(
    root: Root, start: str, position: _Position
) -> Iterator[tuple[str, Listing | ItemForbidden]]:
    """Yield the folders from `start` on, depth first, without those that end before `position`."""
    waiting = [start]
    while waiting:
        folder = waiting.pop()
        here = _folder_position(folder)
        if here < position[: len(here)]:
            continue
        try:
            listing = root.listing(folder)
        except ItemForbidden as forbidden:
            yield folder, forbidden
            continue
        except ItemGone:  # since the folder around it was listed
            continue
        yield folder, listing
        waiting += [joined(folder, name) for name in reversed(listing.folders)]


def _position(path: str) -> _Position:
    if not path:
        return ()
    folder, _, name = path.rpartition("/")
    return (*_folder_position(folder), (0, name))


def _folder_position(folder: str) -> _Position:
    return tuple((1, step) for step in folder.split("/")) if folder else ()


def as_problem(error: ItemForbidden, *, is_folder: bool = False) -> Problem:
    """Return what an admin sees of an item that Kenward may not read."""
    name = folder_id(error.external_id) if is_folder else error.external_id
    return Problem(name, error.code, error.message, hint=error.hint)


def _problems(root: Root, folder: str, listing: Listing) -> list[Problem]:
    manifests = [joined(folder, name) for name in listing.manifests]
    problems = [_ignored_manifest(path) for path in manifests if path != manifest.NAME]
    if outside := [n for n in listing.links if root.leads_outside(joined(folder, n))]:
        problems.append(_refused_links(folder, outside))
    if listing.unusable:
        problems.append(_unusable_names(folder, listing.unusable))
    return problems


def _ignored_manifest(path: str) -> Problem:
    return Problem(
        path,
        "manifest_ignored",
        f"“/{path}” sets no readers: only {manifest.NAME} in the root of the folder does.",
        hint=f"Move its rules to /{manifest.NAME}.",
        is_error=False,
    )


def _refused_links(folder: str, names: list[str]) -> Problem:
    return Problem(
        folder_id(folder),
        "link_refused",
        f"Links in “/{folder}” lead out of the connected folder and are not followed:"
        f" {_some(names)}.",
        hint="Connect the folder that they lead to, or put the files here.",
        is_error=False,
    )


def _unusable_names(folder: str, names: list[str]) -> Problem:
    return Problem(
        folder_id(folder),
        "name_unusable",
        f"Names in “/{folder}” are not UTF-8, or their paths are longer than"
        f" {manifest.MAX_PATH_BYTES} bytes; they are left out: {_some(names)}.",
        hint="Rename them.",
    )


def _some(names: list[str]) -> str:
    told = ", ".join(system_errors.shown(name) for name in sorted(names)[:_NAMED_IN_A_MESSAGE])
    more = len(names) - _NAMED_IN_A_MESSAGE
    return f"{told} and {more} more" if more > 0 else told
