"""No link leads out of a connected folder, whenever it is put there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.connections.errors import ItemGone, SettingsRejected, SourceUnavailable
from tests.connections.folders import Known, Share, problems

OPEN = "version: 1\nfolders: {.: {readers: [ada@x.example]}}\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    (folder / "inner").mkdir(parents=True)
    (folder / "secret.md").write_text("secret")
    (folder / "inner" / "secret.md").write_text("secret")
    return folder


def test_links_out_are_refused_and_told_and_links_within_are_passed_over(
    share: Share, outside: Path
) -> None:
    share.write("real.md", "folder/a.md")
    share.manifest(OPEN)
    for name, target in {
        "file.md": outside / "secret.md",
        "tree": outside,
        "relative": Path("../outside"),
        "chain": Path("tree"),
        "up": Path(".."),
        "within.md": Path("real.md"),
        "within": Path("folder"),
        "itself": Path("itself"),
    }.items():
        (share.folder / name).symlink_to(target)
    pages = list(share.connector().sweep(None))
    assert Known().take(pages).told == ["real.md", "folder/a.md"]
    told = problems(pages)
    assert set(told) == {"link_refused ./"}
    assert told["link_refused ./"].endswith("followed: chain, file.md, relative, tree, up.")
    assert not [p for page in pages for p in page.problems if p.is_error]


@pytest.mark.parametrize(
    "name",
    ["file.md", "tree/secret.md", "tree/inner/secret.md", "../outside/secret.md",
     "folder/../../outside/secret.md", "/etc/passwd", "kenward.yaml", ".hidden.md", "folder", "",
     "pipe", "a.md/", "no\0name"],
)  # fmt: skip
def test_only_synced_files_open(share: Share, outside: Path, name: str) -> None:
    share.write("a.md", "folder/a.md", ".hidden.md")
    share.manifest(OPEN)
    os.mkfifo(share.folder / "pipe")
    (share.folder / "file.md").symlink_to(outside / "secret.md")
    (share.folder / "tree").symlink_to(outside)
    with pytest.raises(ItemGone), share.connector().open(name) as content:
        content.read()
    with share.connector().open("folder/a.md") as content:
        assert content.read() == b"folder/a.md"


@pytest.fixture
def swapping(share: Share, outside: Path) -> Iterator[None]:
    """Let another process swap the folder `x` for a link out and back, without a pause."""
    share.write("x/inner/secret.md", "x/secret.md")
    share.manifest(OPEN)
    swap = """
import os, sys
root, outside = sys.argv[1:]
real, away, link = root + "/x", root + "/.away", root + "/.link"
while True:
    os.symlink(outside, link)
    os.rename(real, away)
    os.rename(link, real)
    os.unlink(real)
    os.rename(away, real)
"""
    process = subprocess.Popen([sys.executable, "-c", swap, str(share.folder), str(outside)])
    yield
    assert process.poll() is None
    process.kill()
    process.wait()


@pytest.mark.usefixtures("swapping")
def test_a_folder_swapped_for_a_link_at_any_moment_gives_nothing_away(share: Share) -> None:
    outcomes: Counter[str] = Counter()
    ends_at = time.monotonic() + 30
    while min(outcomes["opened"], outcomes["refused"]) < 200 and time.monotonic() < ends_at:
        for name in ("x/inner/secret.md", "x/secret.md"):
            try:
                with share.connector().open(name) as content:
                    assert content.read() == name.encode()
                outcomes["opened"] += 1
            except ItemGone:
                outcomes["refused"] += 1
    assert outcomes["opened"] and outcomes["refused"]


@pytest.mark.usefixtures("swapping")
def test_a_folder_swapped_for_a_link_at_any_moment_lists_nothing_outside(share: Share) -> None:
    outcomes: Counter[str] = Counter()
    ends_at = time.monotonic() + 30
    while min(outcomes["listed"], outcomes["empty"]) < 100 and time.monotonic() < ends_at:
        for page in share.connector().changes(["x/secret.md", "x"]):
            for item in page.items:
                assert item.size_bytes == len(item.external_id)
            outcomes["listed" if page.items else "empty"] += 1
    assert outcomes["listed"] and outcomes["empty"]


def test_the_connected_folder_itself_swapped_for_a_link_opens_nothing(
    share: Share, outside: Path
) -> None:
    share.write("secret.md")
    connector = share.connector("all_members")
    share.folder.rename(share.folder.with_name("away"))
    share.folder.symlink_to(outside)
    for pages in (connector.sweep(None), connector.changes(["secret.md"]), connector.permissions()):
        with pytest.raises((SettingsRejected, SourceUnavailable)):
            list(pages)
    with pytest.raises(SettingsRejected), connector.open("secret.md") as content:
        content.read()


def test_a_folder_above_the_connected_one_swapped_for_a_link_opens_nothing(
    share: Share, outside: Path
) -> None:
    (share.folder / "below").mkdir()
    (outside / "below").mkdir()
    below = Share(share.folder / "below")
    connector = below.connector("all_members")
    connector.check()
    share.folder.rename(share.folder.with_name("away"))
    share.folder.symlink_to(outside)
    with pytest.raises(SettingsRejected):
        connector.check()
