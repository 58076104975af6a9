"""What is shared and unshared in the simulated Drive, and the words by which it is found."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from benchmarks.sync_company import ADA, BO, TEAM
from benchmarks.sync_peer import Peer

_TARGETS = 5


@dataclass(frozen=True)
class Target:
    """A file or folder that is shared and unshared, and the word by which it is found."""

    id: str
    word: str


@dataclass(frozen=True)
class Targets:
    """What is changed by turns.

    Attributes:
        group: a file of a group, whose members are changed.
        kept: a file that the person may always read.
    """

    files: list[Target]
    folders: list[Target]
    group: Target
    kept: Target


def made(peer: Peer) -> Targets:
    """Put into the company what is changed: by turns in a My Drive and in a shared drive."""
    files, folders, numbers = list[Target](), list[Target](), itertools.count()
    drive = peer.ask("places")["drives"][0]
    for number in range(_TARGETS):
        where = {"into": drive, "owner": ADA} if number % 2 else {"owner": ADA}
        files.append(_document(peer, next(numbers), **where))
        folder = peer.ask("add_folder", f"Shared {number}", **where)
        for _ in range(3):
            inner = _document(peer, next(numbers), into=folder, owner=ADA)
        folders.append(Target(folder, inner.word))
    of_group, kept = (_document(peer, next(numbers), owner=ADA) for _ in range(2))
    peer.ask("share", of_group.id, TEAM)
    peer.ask("share", kept.id, BO)
    return Targets(files, folders, of_group, kept)


def _document(peer: Peer, number: int, **where: str) -> Target:
    word = f"quillfeather{number}x"
    name = f"Notes {number}"
    return Target(peer.ask("add_doc", name, f"# {name}\n\n{sentence(word)}\n", **where), word)


def sentence(word: str) -> str:
    """Return the sentence that holds a word."""
    return f"The {word} is stored in cabinet seven."
