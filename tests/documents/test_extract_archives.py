from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.documents.extract import extract
from apps.documents.extract.allowance import MAX_DEPTH, Allowance
from apps.documents.extract.errors import (
    Corrupt,
    Empty,
    Encrypted,
    ExtractionError,
    TooLarge,
    Unsupported,
)
from tests.documents.extract_cases import archive, headings, package, read, shape


def tar(names: dict[str, bytes], *, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as packed:
        for name, content in names.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, link, len(content)
            packed.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def test_each_member_is_read_by_its_own_reader_under_its_name() -> None:
    found = read(archive(), "a.zip")
    assert shape(found) == [
        ("heading", "handbook/leave.md"),
        ("heading", "Leave"),
        ("heading", "How much"),
        ("paragraph", "Twenty days."),
        ("heading", "inner.zip"),
        ("heading", "../../etc/cron.d/x.txt"),
        ("paragraph", "Nothing is written."),
        ("heading", "Not read"),
        ("list", "- logo.png: Kenward does not read this kind of file."),
    ]
    assert [level for level, _ in headings(found)] == [1, 2, 3, 1, 2, 1]


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.tar", bytes),
        ("a.tar.gz", gzip.compress),
        ("a.tgz", gzip.compress),
        ("a.tar.bz2", bz2.compress),
        ("a.tar.xz", lzma.compress),
    ],
)
def test_tar_however_packed(name: str, pack: Callable[[bytes], bytes]) -> None:
    content = tar({"docs/a.md": b"# Leave", "b.csv": b"City,Rent\nRome,9\n"})
    found = headings(read(pack(content), name))
    assert found == [(1, "docs/a.md"), (2, "Leave"), (1, "b.csv")]


def test_a_single_packed_file_keeps_its_name() -> None:
    assert headings(read(gzip.compress(b"# Leave"), "handbook.md.gz")) == [(1, "Leave")]
    assert read(gzip.compress(b"City,Rent\nRome,9"), "a.csv.gz").text == "City: Rome; Rent: 9"


def test_links_devices_and_paths_reach_nothing(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        with pytest.raises(Empty):
            read(tar({"a.txt": b""}, kind=kind, link="/etc/passwd"), "a.tar")
    found = read(tar({str(tmp_path / "x.txt"): b"text", "../y.txt": b"more"}), "a.tar")
    assert "text" in found.text
    assert list(tmp_path.iterdir()) == []


class TestBombs:
    def test_what_packs_too_well_is_not_unpacked(self) -> None:
        bomb = package({"zeros.txt": b"0" * 50_000_000, "fine.txt": b"fine"})
        found = read(bomb, "a.zip")
        assert "fine" in found.text
        assert "- zeros.txt: It is too large when unpacked." in found.text
        for pack, name in (
            (gzip.compress, "a.gz"),
            (bz2.compress, "a.bz2"),
            (lzma.compress, "a.xz"),
        ):
            with pytest.raises(TooLarge):
                read(pack(b"0" * 50_000_000), name)

    def test_the_total_counts_whatever_the_headers_say(self) -> None:
        members = {f"{number}.txt": b"word " * 20_000 for number in range(20)}
        found = read(package(members), "a.zip", Allowance(unpacked_bytes=500_000))
        assert [text for _, text in headings(found)] == [*list(members)[:5], "Not read"]

    def test_archives_in_archives_end_somewhere(self) -> None:
        content = package({"innermost.txt": "treasure"})
        for _ in range(MAX_DEPTH + 2):
            content = package({"a.zip": content, "beside.txt": "beside"})
        found = read(content, "a.zip")
        assert found.text.count("beside\n") + found.text.endswith("beside") >= MAX_DEPTH
        assert "treasure" not in found.text

    def test_an_archive_of_itself_ends(self) -> None:
        content = b"x"
        for _ in range(30):
            content = gzip.compress(content)
        with pytest.raises(TooLarge):
            read(content, "a.gz")

    def test_very_many_members_are_bounded(self) -> None:
        members = {f"{number}.txt": "text" for number in range(1_500)}
        found = read(package(members), "a.zip")
        assert len([text for _, text in headings(found)]) == 1_001
        assert "There are too many files beside it." in found.text

    def test_no_member_is_begun_when_the_time_is_over(self) -> None:
        with pytest.raises(TooLarge):
            read(package({"a.txt": "text"}), "a.zip", Allowance(ends_at=0.0))


class TestRefusals:
    def test_broken_archives(self) -> None:
        whole = gzip.compress(tar({"a.txt": b"text" * 1000}))
        for content, name in (
            (whole[:-40], "a.tgz"),
            (archive()[:200], "a.zip"),
            (b"BZh9xx", "a.bz2"),
        ):
            with pytest.raises(Corrupt):
                read(content, name)

    def test_a_broken_member_leaves_the_others(self) -> None:
        content = bytearray(package({"a.txt": b"first " * 99, "b.txt": b"second"}))
        content[40] ^= 0xFF
        found = read(bytes(content), "a.zip")
        assert "second" in found.text
        assert "- a.txt: The file is broken." in found.text

    def test_nothing_readable_says_why(self) -> None:
        picture = b"\x89PNG\r\n\x1a\n\0\0"
        with pytest.raises(Unsupported):
            read(package({"a.png": picture, "b.png": picture}), "a.zip")
        with pytest.raises(Unsupported) as mixed:
            read(package({"a.png": picture, "b.txt": ""}), "a.zip")
        assert "packed" in mixed.value.message
        with pytest.raises(Empty):
            read(package({"folder/": ""}), "a.zip")

    def test_a_password_is_named(self) -> None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as packed:
            packed.writestr("a.txt", "text")
        content = bytearray(stream.getvalue())
        content[content.index(b"PK\x01\x02") + 8] |= 1
        with pytest.raises(Encrypted):
            read(bytes(content), "a.zip")


def test_a_bomb_ends_in_the_reading_process_too() -> None:
    layers = package({"zeros.bin": b"\0" * 300_000_000})
    with pytest.raises(ExtractionError):
        extract(io.BytesIO(package({"a.zip": layers})), file_name="a.zip", timeout_s=20)
