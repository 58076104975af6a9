"""The manifest as a file: when it cannot be relied on, nobody reads the folder."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from apps.connections.errors import SourceUnavailable
from apps.connections.providers.file_share import manifest, rules
from tests.connections.folders import LONG_AGO, Known, Share, problems

OPEN = "version: 1\nfolders: {.: {readers: [ada@x.example]}}\n"


def _missing(share: Share) -> None:
    (share.folder / "kenward.yaml").unlink()


def _link(share: Share) -> None:
    (share.folder / "kenward.yaml").rename(share.folder / "real.yaml")
    (share.folder / "kenward.yaml").symlink_to("real.yaml")


def _pipe(share: Share) -> None:
    _missing(share)
    os.mkfifo(share.folder / "kenward.yaml")


def _folder(share: Share) -> None:
    _missing(share)
    (share.folder / "kenward.yaml").mkdir()


def _large(share: Share) -> None:
    share.manifest(OPEN + "#" * manifest.MAX_BYTES)


def _cut_off(share: Share) -> None:
    share.manifest(OPEN[:-4])


def _empty(share: Share) -> None:
    share.manifest("")


@pytest.mark.parametrize("harm", [_missing, _link, _pipe, _folder, _large, _cut_off, _empty])
def test_a_manifest_that_cannot_be_relied_on_closes_every_file(
    share: Share, harm: Callable[[Share], None]
) -> None:
    share.write("a/one.md", "two.md")
    share.manifest(f"{OPEN}  \nfiles: {{a/one.md: {{readers: [bo@x.example], inherit: false}}}}\n")
    connector = share.connector()
    known = Known().take(connector.sweep(None))
    assert known.readers("a/one.md") == {"bo@x.example"}
    assert known.readers("two.md") == {"ada@x.example"}
    harm(share)
    was = dict(known.places)
    pages = list(connector.permissions())
    known.take(pages)
    assert "file:a/one.md" not in known.places  # so it has no entries and adds to its parent
    known.places["file:a/one.md"] = type(was["./"])("file:a/one.md", "", parent="a/")
    assert known.readers("a/one.md") == set()
    assert known.readers("two.md") == set()
    (told,) = problems(pages)
    assert told == f"manifest_{'missing' if harm is _missing else 'invalid'} kenward.yaml"


def test_what_is_wrong_is_told_with_its_line(share: Share) -> None:
    share.manifest("version: 1\nfolders:\n  a: {readers: staff}\n")
    (message,) = problems(share.connector().permissions()).values()
    assert "line 3: this must be a list" in message


def test_a_manifest_below_the_root_or_with_another_ending_is_ignored_and_told(share: Share) -> None:
    share.write("a/one.md", "a/kenward.yaml", "kenward.yml", "a/Kenward.yaml")
    share.manifest(OPEN)
    pages = list(share.connector().sweep(None))
    assert Known().take(pages).told == ["a/one.md"]
    told = problems(pages)
    assert set(told) == {
        "manifest_ignored kenward.yml",
        "manifest_ignored a/kenward.yaml",
        "manifest_ignored a/Kenward.yaml",
    }


def test_a_half_written_manifest_is_never_taken(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first half is valid, and forgets that the payroll is closed."""
    monkeypatch.setattr(rules, "SETTLED_S", 0.6)  # long before a busy machine's pauses
    share.write("payroll/secret.md")
    half = "version: 1\nfolders:\n  .: {readers: [ada@x.example]}\n"
    whole = f"{half}  payroll: {{inherit: false}}\n"
    for _ in range(2):
        share.manifest(half, is_settled=False)
        rest = threading.Timer(0.05, share.manifest, [whole], {"is_settled": False})
        rest.start()
        known = Known().take(share.connector().sweep(None))
        rest.join()
        assert known.readers("payroll/secret.md") == set()


def test_a_manifest_that_never_rests_is_tried_again_later(share: Share) -> None:
    share.manifest(OPEN, is_settled=False)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            (share.folder / "kenward.yaml").write_text(OPEN)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(SourceUnavailable, match="being written"):
            list(share.connector().permissions())
    finally:
        stop.set()
        writer.join()


def test_a_file_system_with_a_clock_ahead_of_ours_is_read_all_the_same(share: Share) -> None:
    share.write("one.md")
    share.manifest(OPEN)
    ahead = time.time() + 3600
    os.utime(share.folder / "kenward.yaml", (ahead, ahead))
    known = Known().take(share.connector().sweep(None))
    assert known.readers("one.md") == {"ada@x.example"}


def test_a_change_that_keeps_time_and_size_is_seen(share: Share) -> None:
    share.write("one.md")
    share.manifest(OPEN)
    connector = share.connector()
    cursor = next(iter(connector.sweep(None))).cursor
    share.manifest(OPEN.replace("ada", "bob"))
    assert os.stat(share.folder / "kenward.yaml").st_mtime == LONG_AGO  # noqa: PTH116
    assert Known().take(connector.sweep(cursor)).readers("one.md") == {"bob@x.example"}
