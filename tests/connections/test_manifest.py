"""What a manifest may say, and what makes it invalid."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.connections.providers.file_share import manifest
from apps.connections.providers.file_share.manifest_error import ManifestInvalid


def test_a_full_manifest_is_read() -> None:
    read = manifest.parse(
        b"""
version: 1
groups:
  finance: {label: Finance, members: [ada@acme.example, leads]}
  leads: {members: [lea@acme.example]}
folders:
  ".": {readers: [finance]}
  finance/: {readers: [leads], inherit: false}
files:
  finance/summary.md: {readers: [bo@acme.example]}
"""
    )
    assert read.groups["finance"].label == "Finance"
    assert read.groups["leads"].label == "leads"
    assert read.folders[""].readers == ("finance",)
    assert not read.folders["finance"].inherits
    assert read.files["finance/summary.md"].inherits
    assert read.files["finance/summary.md"].line == 10


def test_words_that_yaml_takes_for_something_else_are_names_here() -> None:
    read = manifest.parse(
        b"version: 1\n"
        b"groups:\n  no: {members: [on]}\n  on: {members: []}\n  2026-10-01: {members: ['12']}\n"
        b"folders: {12:30: {readers: [no, 2026-10-01]}}\n"
    )
    assert set(read.groups) == {"no", "on", "2026-10-01"}
    assert read.folders["12:30"].readers == ("no", "2026-10-01")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "keys with values"),
        ("version: 2", 1, "version must be 1"),
        ("folders: {}", 1, "“version” is missing"),
        ("version: 1\nfolder: {}", 2, "“folder” means nothing"),
        ("version: 1\nfolders:\n  a: {reader: [x]}", 3, "“reader” means nothing"),
        ("version: 1\nfolders:\n  a: {}", 3, "needs “readers”, “inherit” or “labels”"),
        ("version: 1\nfolders:\n  a:\n", 3, "keys with values"),
        ("version: 1\nfolders:\n  a: {inherit: no}", 3, "true or false"),
        ("version: 1\nfolders:\n  a: {readers: staff}", 3, "a list"),
        ("version: 1\nfolders:\n  a: {readers: [12]}", 3, "put it in quotes"),
        ("version: 1\nfolders:\n  a: {inherit: fal", 4, "expected"),
        ("version: 1\nfolders:\n  a: {inherit: true}\n  a: {inherit: false}", 4, "second time"),
        ("version: 1\nfolders:\n  a: {inherit: true}\n  a/: {inherit: false}", 4, "second rule"),
        ("version: 1\nfolders:\n  caf\u00e9: {inherit: true}\n  cafe\u0301: {inherit: false}",
         4, "second rule"),
        ("version: 1\nfolders: {../a: {inherit: false}}", 2, "not a path below"),
        ("version: 1\nfolders: {a/../b: {inherit: false}}", 2, "not a path below"),
        ("version: 1\nfolders: {/a: {inherit: false}}", 2, "not a path below"),
        ("version: 1\nfolders: {./a: {inherit: false}}", 2, "not a path below"),
        ("version: 1\nfiles: {.: {inherit: false}}", 2, "not a path below"),
        ("version: 1\nfiles: {a/: {inherit: false}}", 2, "not a path below"),
        ('version: 1\nfiles: {"a\\0b": {inherit: false}}', 2, "not a path below"),
        ("version: 1\ngroups: {a@b: {members: []}}", 2, "marks a person"),
        ('version: 1\ngroups: {"a ": {members: []}}', 2, "not usable"),
        ('version: 1\ngroups: {a: {members: ["x\\ty"]}}', 2, "invisible"),
        ("version: 1\ngroups: {a: {label: x}}", 2, "“members” is missing"),
        ("version: 1\ngroups: &all {}\nfolders: *all", 2, "anchors"),
        ("version: !!python/object/apply:os.getpid []", 1, "tags"),
        ("version: 1\n---\nversion: 1", 2, "second document"),
        ("? [a]\n: b", 1, "a key must be text"),
    ],
)  # fmt: skip
def test_an_invalid_manifest_names_the_line_and_the_reason(
    text: str, line: int, reason: str
) -> None:
    with pytest.raises(ManifestInvalid) as raised:
        manifest.parse(text.encode())
    assert raised.value.message.startswith(f"line {line}: ")
    assert reason in raised.value.message


def test_text_in_another_encoding_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match=r"line 2: .*UTF-8"):
        manifest.parse(b"version: 1\ngroups: {caf\xe9: {members: []}}")


def test_more_than_a_megabyte_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match="larger than 1 MB"):
        manifest.parse(b"version: 1\n" + b"#" * manifest.MAX_BYTES)


@pytest.mark.parametrize("nested", ["[", "{a: ", "- ", "? ", "a:\n "])
def test_a_megabyte_of_nesting_is_refused_at_once_and_does_not_end_the_process(nested: str) -> None:
    text = nested * (manifest.MAX_BYTES // len(nested) - 1)
    started = time.monotonic()
    with pytest.raises(ManifestInvalid):
        manifest.parse(text.encode())
    assert time.monotonic() - started < 2


def test_a_billion_laughs_are_refused() -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(ManifestInvalid, match="anchors"):
        manifest.parse("\n".join(layers).encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        manifest.parse(b"version: 1\n" + content)
    except ManifestInvalid as error:
        assert error.message
