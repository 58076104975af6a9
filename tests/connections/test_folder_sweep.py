"""A sweep tells every file once, in the same order, and goes on behind any of its pages."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.connections.errors import CursorExpired, SettingsRejected, SourceUnavailable
from apps.connections.providers.file_share import connector as file_share
from apps.connections.providers.file_share.walk import Listing, Root
from tests.connections.folders import Known, Share, problems

OPEN = "version: 1\nfolders: {.: {readers: [ada@x.example]}}\n"
# Every example makes the folder anew.
_SHARED = HealthCheck.function_scoped_fixture
_NAMES = st.sampled_from(["a", "b", "a b", "a-b", "a.md", "é", "Z", "0", "\n", "ab"])
_TREES = st.sets(st.lists(_NAMES, min_size=1, max_size=4).map(tuple), max_size=25)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_share, "PAGE_ITEMS", 3)


@given(tree=_TREES)
@settings(max_examples=60, deadline=None, suppress_health_check=[_SHARED])
def test_going_on_from_any_page_tells_each_file_once(
    share: Share, small_pages: None, tree: set[tuple[str, ...]]
) -> None:
    shutil.rmtree(share.folder)
    share.folder.mkdir()
    files = {"/".join(("x", *path[:-1], f"{path[-1]}.txt")) for path in tree}
    share.write(*files)
    share.manifest(OPEN)
    pages = list(share.connector().sweep(None))
    told = [item.external_id for page in pages for item in page.items]
    assert sorted(told) == sorted(files)
    assert pages[0].total_items == len(files)
    assert pages[-1].cursor is None
    assert all(len(page.items) <= 3 for page in pages)
    for number, page in enumerate(pages[:-1], start=1):
        assert page.cursor is not None
        before = [item.external_id for some in pages[:number] for item in some.items]
        rest = [i.external_id for some in share.connector().sweep(page.cursor) for i in some.items]
        assert before + rest == told


def test_going_on_works_when_the_last_told_file_is_gone(share: Share, small_pages: None) -> None:
    share.write(*(f"{folder}/{n}.md" for folder in "abc" for n in range(4)))
    share.manifest(OPEN)
    pages = list(share.connector().sweep(None))
    cursor = pages[2].cursor
    assert cursor is not None and cursor["after"] == "b/1.md"
    shutil.rmtree(share.folder / "b")
    rest = Known().take(share.connector().sweep(cursor)).told
    assert rest == ["c/0.md", "c/1.md", "c/2.md", "c/3.md"]


def test_a_page_tells_the_places_of_its_files_up_to_the_root(share: Share) -> None:
    share.write("a/b/c.md")
    share.manifest("version: 1\nfiles: {a/b/c.md: {readers: [ada@x.example]}}")
    _, page, _ = share.connector().sweep(None)
    assert [acl.external_id for acl in page.acls] == ["./", "a/", "a/b/", "file:a/b/c.md"]
    assert [acl.parent for acl in page.acls] == [None, "./", "a/", "a/b/"]
    (item,) = page.items
    assert (item.title, item.mime_type, item.size_bytes) == ("C", "text/markdown", 8)
    assert item.policy == (("file:a/b/c.md",),)


def test_rules_that_change_during_a_sweep_are_told_before_the_next_file(
    share: Share, small_pages: None
) -> None:
    share.write(*(f"{n}.md" for n in range(8)))
    share.manifest(OPEN)
    sweep = share.connector().sweep(None)
    known = Known().take([next(sweep), next(sweep)])
    share.manifest("version: 1\nfolders: {.: {readers: [bo@x.example]}}\n")
    page = next(sweep)
    assert page.are_acls_complete and not page.items
    known.take([page])
    assert known.readers("0.md") == {"bo@x.example"}
    known.take(sweep)
    assert sorted(known.told) == [f"{n}.md" for n in range(8)]


def test_a_page_is_dated_before_its_rules_and_files_were_read(share: Share) -> None:
    share.write("a.md")
    share.manifest(OPEN)
    pages = list(share.connector().sweep(None))
    times = [page.observed_at for page in pages]
    assert times == sorted(times)


def test_hidden_files_lock_files_and_what_is_no_file_are_left_out(share: Share) -> None:
    share.write("a.md", ".hidden.md", ".git/config.md", "~$report.docx", "x/.a/b.md")
    share.manifest(OPEN)
    os.mkfifo(share.folder / "pipe.md")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(share.folder / "socket.md"))
        assert Known().take(share.connector().sweep(None)).told == ["a.md"]


def test_names_that_are_not_utf8_are_told_and_the_rest_is_synced(share: Share) -> None:
    share.write("a.md", "x/b.md")
    share.manifest(OPEN)
    for name in (b"caf\xe9.md", b"x/\xff.md"):
        Path(os.fsdecode(os.fsencode(share.folder) + b"/" + name)).write_text("x")
    pages = list(share.connector().sweep(None))
    assert Known().take(pages).told == ["a.md", "x/b.md"]
    told = problems(pages)
    assert set(told) == {"name_unusable ./", "name_unusable x/"}
    assert "caf\\xe9.md" in told["name_unusable ./"]
    for page in pages:
        repr(page).encode("utf-8")  # everything can be stored


def test_paths_too_long_for_a_key_are_told_and_end_nothing(share: Share) -> None:
    share.write("a.md")
    share.manifest(OPEN)
    fd = os.open(share.folder, os.O_RDONLY)
    for _ in range(9):
        os.mkdir("d" * 250, dir_fd=fd)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    pages = list(share.connector().sweep(None))
    assert Known().take(pages).told == ["a.md"]
    assert [code.split()[0] for code in problems(pages)] == ["name_unusable"]


def test_a_content_change_changes_the_version_and_reading_does_not(share: Share) -> None:
    share.write("a.md")
    share.manifest(OPEN)

    def version() -> str:
        (item,) = [i for page in share.connector().sweep(None) for i in page.items]
        return item.version

    first = version()
    (share.folder / "a.md").read_text()
    assert version() == first
    (share.folder / "a.md").write_text("other")
    assert version() != first


def test_a_folder_that_is_not_there_is_not_an_empty_one(share: Share) -> None:
    share.write("a.md")
    share.manifest(OPEN)
    connector = share.connector()
    share.folder.rename(share.folder.with_name("away"))
    with pytest.raises(SourceUnavailable):
        list(connector.sweep(None))
    with pytest.raises(SourceUnavailable):
        list(connector.changes(["a.md"]))
    with pytest.raises(SourceUnavailable):
        list(connector.permissions())


def test_a_folder_that_goes_away_during_a_sweep_does_not_look_empty(
    share: Share, small_pages: None
) -> None:
    share.write(*(f"{n}/a.md" for n in range(9)))
    share.manifest(OPEN)
    sweep = share.connector().sweep(None)
    next(sweep), next(sweep)
    shutil.rmtree(share.folder)
    with pytest.raises(SourceUnavailable):
        list(sweep)


def test_a_folder_that_is_replaced_during_a_sweep_stops_it(share: Share, small_pages: None) -> None:
    share.write(*(f"{n}/a.md" for n in range(9)))
    share.manifest(OPEN)
    sweep = share.connector().sweep(None)
    next(sweep)
    share.folder.rename(share.folder.with_name("away"))
    share.folder.mkdir()
    with pytest.raises(SourceUnavailable):
        list(sweep)


def test_a_mount_point_without_its_disk_is_not_an_empty_folder(share: Share) -> None:
    with pytest.raises(SourceUnavailable, match="mounted"):
        list(share.connector("all_members", is_mount_point=True).sweep(None))


def test_a_cursor_of_another_kind_starts_over(share: Share) -> None:
    share.manifest(OPEN)
    with pytest.raises(CursorExpired):
        list(share.connector().sweep({"page": 3}))


def test_a_file_in_place_of_the_folder_is_told_to_the_admin(share: Share) -> None:
    share.folder.rmdir()
    share.folder.write_text("x")
    with pytest.raises(SettingsRejected, match="not a folder"):
        share.connector().check()


def test_going_on_lists_only_the_folders_still_to_come(share: Share) -> None:
    share.write(*(f"{folder:02}/{n:03}.md" for folder in range(10) for n in range(60)))
    share.manifest(OPEN)
    pages = list(share.connector().sweep(None))
    listed: list[str] = []
    root_listing = Root.listing

    def counting(root: Root, folder: str) -> Listing:
        listed.append(folder)
        return root_listing(root, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Root, "listing", counting)
        list(share.connector().sweep(pages[-3].cursor))
    assert len(listed) <= 4
