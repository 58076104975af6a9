"""POSIX against the kernel itself: random trees and ACLs, opened by processes of other users."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.acls import record
from apps.connections.dialects import posix
from apps.connections.dialects.posix import Inode, Line, Tag
from apps.connections.protocol import RemoteGroup, RemoteItem
from apps.connections.providers.file_share import inodes, posix_check
from apps.connections.providers.file_share.connector import FileShare
from tests.connections.dialects.engine import REALM, company
from tests.world import World

FILES = 1_500
GIDS = [31_001, 31_002, 31_003]
# uid -> primary and other groups
PEOPLE = {
    0: [0],
    30_001: [31_001],
    30_002: [31_002, 31_001],
    30_003: [31_003],
    30_004: [31_001, 31_002, 31_003],
    30_005: [31_099],
}
_OPENS = """
import json, os, sys
asked = json.load(sys.stdin)
os.setgroups(asked["gids"])
os.setresgid(*[asked["gids"][0]] * 3)
os.setresuid(*[asked["uid"]] * 3)
def opens(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
    except PermissionError:
        return False
    return True
print(json.dumps([opens(path) for path in asked["paths"]]))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that everybody reaches, on a file system with ACLs."""
    if os.geteuid() != 0:
        pytest.skip("Only root can open files as other users.")
    made = Path(tempfile.mkdtemp(prefix="kenward-posix-"))
    made.chmod(0o755)
    try:
        os.setxattr(made, "system.posix_acl_access", _packed([Line(Tag.USER, 7, 30_001)], 0o755, 5))
        os.removexattr(made, "system.posix_acl_access")
        made.chmod(0o755)
    except OSError as error:
        pytest.skip(f"The file system of {made.parent} keeps no POSIX ACLs: {error}")
    yield made
    shutil.rmtree(made)


def _packed(named: list[Line], mode: int, mask: int) -> bytes:
    return posix.packed(
        [
            Line(Tag.USER_OBJ, mode >> 6 & 7),
            Line(Tag.GROUP_OBJ, mode >> 3 & 7),
            *named,
            Line(Tag.MASK, mask),
            Line(Tag.OTHER, mode & 7),
        ]
    )


def _decorate(path: Path, rng: random.Random, *, kind: str) -> None:
    """Give a file or folder a random owner, group, mode and, often, an ACL."""
    os.chown(path, rng.choice([*PEOPLE, 30_777]), rng.choice([*GIDS, 0, 31_777]))
    # Folders are passable more often than not, or hardly any file would be reached.
    bits = [0, 1, 4, 5, 5, 5, 7, 7] if kind == "folder" else [0, 0, 4, 4, 2, 6, 7]
    mode = sum(rng.choice(bits) << shift for shift in (6, 3, 0))
    path.chmod(mode)
    if rng.random() < 0.6:
        users = rng.sample([uid for uid in PEOPLE if uid], k=rng.randint(0, 3))
        groups = rng.sample(GIDS, k=rng.randint(0, 3))
        named = [Line(Tag.USER, rng.choice(bits), uid) for uid in users]
        named += [Line(Tag.GROUP, rng.choice(bits), gid) for gid in groups]
        mask = rng.choice([0, *bits])
        os.setxattr(path, "system.posix_acl_access", _packed(named, mode, mask))


def _grow(folder: Path, rng: random.Random) -> list[str]:
    paths = []
    for number in range(FILES):
        above = folder
        for depth in range(rng.choice([0, 1, 1, 2])):
            above = above / f"d{depth}-{rng.randint(0, 25)}"
            above.mkdir(exist_ok=True)
        file = above / f"f{number}.md"
        file.write_text("x")
        paths.append(str(file.relative_to(folder)))
    for path in sorted(folder.rglob("*"), reverse=True):
        _decorate(path, rng, kind="folder" if path.is_dir() else "file")
    return paths


def _kernel(folder: Path, paths: list[str]) -> dict[int, list[bool]]:
    """Return which files each user opens."""
    found = {}
    for uid, gids in PEOPLE.items():
        asked = {"uid": uid, "gids": gids, "paths": [str(folder / path) for path in paths]}
        done = subprocess.run(
            [sys.executable, "-c", _OPENS],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=True,
        )
        found[uid] = json.loads(done.stdout)
    return found


def _connector(folder: Path, settings: Any) -> FileShare:
    settings.KENWARD_FOLDER_ROOTS = [folder]
    return FileShare({"path": str(folder), "access": "posix"}, tenant_slug="acme")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_engine_admits_whom_the_kernel_lets_open(
    world: World, folder: Path, settings: Any, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  the same trees each time
    paths = _grow(folder, rng)
    opened = _kernel(folder, paths)
    with company(world, [f"uid:{uid}" for uid in PEOPLE]) as made:
        items: dict[str, RemoteItem] = {}
        for page in _connector(folder, settings).sweep(None):
            record.apply(
                REALM,
                groups=page.groups,
                acls=page.acls,
                observed_at=page.observed_at,
                complete=page.are_acls_complete,
            )
            items |= {item.external_id: item for item in page.items}
            at = page.observed_at
        # What an LDAP would say of these groups, which this machine's database does not know.
        record.apply(REALM, groups=_groups(), observed_at=at)
        readers = made.all_readers([items[path].policy for path in paths])
    disagreements = [
        (path, uid, kernel[number])
        for uid, kernel in opened.items()
        for number, path in enumerate(paths)
        if kernel[number] != (f"uid:{uid}" in readers[number])
    ]
    assert disagreements == []
    share = sum(map(sum, opened.values())) / (len(paths) * len(PEOPLE))
    assert 0.15 < share < 0.85, "the worlds are too open or too closed to prove anything"


def _groups() -> list[RemoteGroup]:
    inside: dict[int, list[int]] = {gid: [] for gid in [*GIDS, 0, 31_777, 31_099]}
    for uid, gids in PEOPLE.items():
        for gid in gids:
            inside[gid].append(uid)
    lists = [RemoteGroup(posix.group(g), tuple(map(posix.user, m))) for g, m in inside.items()]
    return [*lists, RemoteGroup(posix.ACCOUNTS, tuple(map(posix.user, PEOPLE)))]


@pytest.mark.slow
def test_the_live_check_says_what_the_kernel_says(folder: Path) -> None:
    rng = random.Random(3)  # noqa: S311  the same tree each time
    paths = _grow(folder, rng)
    opened = _kernel(folder, paths)
    known = {"": _inode(folder)} | {
        str(path.relative_to(folder)): _inode(path) for path in folder.rglob("*")
    }
    for number, path in enumerate(paths):
        above = ["", *map(str, list(Path(path).parents)[:-1])]
        for uid, gids in PEOPLE.items():
            passes = all(posix_check.permits(known[one], uid, set(gids), 1) for one in above)
            reads = passes and posix_check.permits(known[path], uid, set(gids), 4)
            assert reads == opened[uid][number], (path, uid)


def _inode(path: Path) -> Inode:
    fd = os.open(path.parent, os.O_PATH)
    try:
        return inodes.of_file(fd, path.name, str(path))
    finally:
        os.close(fd)


def test_what_was_packed_is_what_the_kernel_keeps(folder: Path) -> None:
    acl = _packed([Line(Tag.USER, 5, 30_001), Line(Tag.GROUP, 4, 31_002)], 0o750, 7)
    file = folder / "f"
    file.write_text("x")
    os.setxattr(file, "system.posix_acl_access", acl)
    kept = os.getxattr(file, "system.posix_acl_access")
    assert kept == acl and posix.packed(posix.parsed(kept)) == kept
