"""Changes that a folder reported, looked at again."""

from __future__ import annotations

import shutil

import pytest

from apps.connections.protocol import Watches
from tests.connections.folders import Known, Share, problems

OPEN = "version: 1\nfolders: {.: {readers: [ada@x.example]}}\n"


@pytest.fixture
def known(share: Share) -> Known:
    share.write("a.md", "x/b.md", "x/y/c.md", "z/d.md")
    share.manifest(OPEN)
    return Known().take(share.connector().sweep(None))


def test_a_new_file_in_a_new_folder_comes_with_its_places(share: Share, known: Known) -> None:
    share.write("new/deep/e.md")
    known.take(share.connector().changes(["new/deep/e.md"]))
    assert known.readers("new/deep/e.md") == {"ada@x.example"}


def test_a_folder_that_moved_in_is_told_with_all_its_files(share: Share, known: Known) -> None:
    (share.folder / "x").rename(share.folder / "moved")
    known.take(share.connector().changes(["x", "moved"]))
    assert set(known.items) == {"a.md", "moved/b.md", "moved/y/c.md", "z/d.md"}


def test_what_a_swapped_folder_no_longer_holds_is_gone(share: Share, known: Known) -> None:
    shutil.rmtree(share.folder / "x")
    share.write("x/b.md", "x/new.md")
    pages = list(share.connector().changes(["x"]))
    known.take(pages)
    assert set(known.items) == {"a.md", "x/b.md", "x/new.md", "z/d.md"}
    # The deletion is dated before the files that were told, so that it spares them.
    assert pages[-1].observed_at < min(page.observed_at for page in pages if page.items)


def test_a_file_where_a_folder_was_and_the_other_way_round(share: Share, known: Known) -> None:
    shutil.rmtree(share.folder / "x")
    share.write("x")
    (share.folder / "a.md").unlink()
    share.write("a.md/inner.md")
    known.take(share.connector().changes(["x", "a.md"]))
    assert set(known.items) == {"x", "a.md/inner.md", "z/d.md"}


def test_deleted_files_and_folders_are_gone_in_the_first_page(share: Share, known: Known) -> None:
    (share.folder / "a.md").unlink()
    shutil.rmtree(share.folder / "x")
    page = next(iter(share.connector().changes(["a.md", "x/", "x/b.md"])))
    known.take([page])
    assert set(known.items) == {"z/d.md"}


def test_a_name_that_was_hidden_is_gone(share: Share, known: Known) -> None:
    (share.folder / "z").rename(share.folder / ".z")
    known.take(share.connector().changes(["z", ".z", ".z/d.md"]))
    assert set(known.items) == {"a.md", "x/b.md", "x/y/c.md"}


def test_a_file_that_became_a_link_is_gone(share: Share, known: Known) -> None:
    (share.folder / "a.md").unlink()
    (share.folder / "a.md").symlink_to("x/b.md")
    (share.folder / "z").rename(share.folder / "real")
    (share.folder / "z").symlink_to("real")
    known.take(share.connector().changes(["a.md", "z", "z/d.md"]))
    assert set(known.items) == {"x/b.md", "x/y/c.md"}


def test_the_manifest_is_answered_with_all_permissions(share: Share, known: Known) -> None:
    share.manifest(OPEN.replace("ada", "bo"))
    (page, _) = share.connector().changes(["kenward.yaml"])
    assert page.are_acls_complete
    assert known.take([page]).readers("a.md") == {"bo@x.example"}


@pytest.mark.parametrize(
    "strange",
    [
        "../share/a.md",
        "/etc/passwd",
        "x//b.md",
        "x/../a.md",
        ".",
        "a.md\0",
        "",
        "a" * 5000,
        "n" * 255,
    ],
)
def test_a_strange_id_finds_nothing_outside_and_ends_nothing(share: Share, strange: str) -> None:
    share.write("a.md")
    share.manifest(OPEN)
    pages = list(share.connector().changes([strange]))
    assert pages
    assert {item.external_id for page in pages for item in page.items} <= {"a.md"}


def test_no_ids_are_answered_with_a_page(share: Share) -> None:
    share.manifest(OPEN)
    (page,) = share.connector().changes([])
    assert not page.items and not page.deleted_ids


def test_an_unnoticed_manifest_below_is_not_indexed(share: Share, known: Known) -> None:
    share.write("x/kenward.yaml")
    known.take(share.connector().changes(["x/kenward.yaml", "x"]))
    assert "x/kenward.yaml" not in known.items


def test_changed_paths_become_ids(share: Share) -> None:
    connector = share.connector()
    assert isinstance(connector, Watches)
    assert connector.watched_folders() == [str(share.folder)]
    root = str(share.folder)
    paths = [
        root, f"{root}/a.md", f"{root}/x/b.md", f"{root}/.x/b.md", f"{root}/~$a.docx",
        f"{root}/kenward.yaml", f"{root}-other/a.md", "/etc/passwd", f"{root}/\udcff.md",
    ]  # fmt: skip
    assert connector.external_ids(paths) == ["./", "a.md", "x/b.md"]
    assert connector.changes_permissions(paths)
    assert not connector.changes_permissions([f"{root}/x/kenward.yaml", f"{root}/a.md"])
    assert not share.connector("all_members").changes_permissions(paths)


def test_many_changes_come_in_pages(share: Share) -> None:
    names = [f"{n:03}.md" for n in range(450)]
    share.write(*names)
    share.manifest(OPEN)
    pages = list(share.connector().changes(names))
    assert [len(page.items) for page in pages] == [200, 200, 50]
    assert problems(pages) == {}
