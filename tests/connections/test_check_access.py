"""The folder asked live: what it says comes from the disk, and from nothing that was stored."""

from __future__ import annotations

import pytest

from apps.connections.errors import ItemGone, SourceUnavailable
from apps.connections.protocol import ChecksAccess, PrincipalKind, RemotePrincipal
from tests.connections.folders import Share

ADA, BO = (
    RemotePrincipal(PrincipalKind.USER, f"{name}@acme.example", email=f"{name}@acme.example")
    for name in ("ada", "bo")
)
MEMBERS = RemotePrincipal(PrincipalKind.MEMBERS, "members")
EVERYONE = RemotePrincipal(PrincipalKind.EVERYONE, "everyone")

MANIFEST = """
version: 1
groups:
  staff: {members: [leads, bo@acme.example]}
  leads: {members: [Ada@acme.example, staff]}
  board: {members: [ada@acme.example]}
folders:
  ./: {readers: [staff]}
  closed: {readers: [board], inherit: false}
  closed/below: {readers: [bo@acme.example]}
files:
  closed/one.md: {readers: [bo@acme.example], inherit: false}
  open.md: {readers: [board]}
"""


def answers(share: Share, *paths: str, access: str = "manifest") -> dict[str, list[bool | None]]:
    """Return per path what Ada and Bo are told."""
    connector = share.connector(access)
    return {
        path: [connector.check_access(path, [who, MEMBERS]) for who in (ADA, BO)] for path in paths
    }


def test_the_manifest_is_climbed_from_the_file_up_to_the_first_cut(share: Share) -> None:
    share.write("open.md", "closed/one.md", "closed/two.md", "closed/below/three.md")
    share.manifest(MANIFEST)
    assert isinstance(share.connector(), ChecksAccess)
    assert answers(share, "open.md", "closed/one.md", "closed/two.md", "closed/below/three.md") == {
        "open.md": [True, True],
        "closed/one.md": [False, True],
        "closed/two.md": [True, False],
        "closed/below/three.md": [True, True],
    }


def test_the_disk_is_read_anew_each_time(share: Share) -> None:
    share.write("open.md")
    share.manifest(MANIFEST)
    connector = share.connector()
    assert connector.check_access("open.md", [BO])
    share.manifest("version: 1\nfolders:\n  ./: {readers: [ada@acme.example]}\n")
    assert not connector.check_access("open.md", [BO])
    assert connector.check_access("open.md", [ADA])


@pytest.mark.parametrize("text", ["version: 2\n", "nonsense: [", "version: 1\n"])
def test_a_manifest_that_does_not_serve_lets_nobody_in(share: Share, text: str) -> None:
    share.write("open.md")
    share.manifest(text)
    assert answers(share, "open.md") == {"open.md": [False, False]}


def test_without_a_manifest_nobody_gets_in(share: Share) -> None:
    share.write("open.md")
    assert answers(share, "open.md") == {"open.md": [False, False]}


def test_an_audience_counts_without_a_manifest(share: Share) -> None:
    share.write("open.md")
    listed = share.connector("listed", "ADA@acme.example")
    assert listed.check_access("open.md", [ADA]) and not listed.check_access("open.md", [BO])
    everybody = share.connector("all_members")
    assert everybody.check_access("open.md", [BO, MEMBERS])
    assert not everybody.check_access("open.md", [BO, EVERYONE])  # a guest


@pytest.mark.parametrize("path", ["gone.md", "../open.md", ".hidden", "kenward.yaml", "link.md"])
def test_what_is_not_synced_is_gone(share: Share, path: str) -> None:
    share.write("open.md")
    (share.folder / "link.md").symlink_to("open.md")
    share.manifest(MANIFEST)
    with pytest.raises(ItemGone):
        share.connector().check_access(path, [ADA])


def test_a_folder_that_is_away_says_nothing(share: Share) -> None:
    share.write("open.md")
    share.folder.rename(share.folder.with_name("elsewhere"))
    with pytest.raises(SourceUnavailable):
        share.connector("all_members").check_access("open.md", [MEMBERS])
