"""A folder whose readers are those whom the file system lets read."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from apps.connections.dialects import posix
from apps.connections.dialects.posix import Line, Tag
from apps.connections.errors import ContractBroken
from apps.connections.protocol import PrincipalKind, RemotePrincipal
from apps.connections.providers.file_share import accounts
from tests.connections.folders import Known, Share

ME = os.geteuid()


def told(share: Share) -> Known:
    return Known().take(share.connector("posix").sweep(None))


def lists(known: Known, path: str) -> list[dict[str, tuple[bool, int]]]:
    """Return the clauses of a file, as principal -> (allowed, order)."""
    return [
        {e.principal.external_id: (e.is_allowed, e.ord) for e in known.places[place].entries}
        for [place] in known.items[path]
    ]


def test_a_file_asks_for_its_own_list_and_for_the_way_to_it(share: Share) -> None:
    share.write("a/b/c.md")
    (share.folder / "a/b/c.md").chmod(0o640)
    (share.folder / "a/b").chmod(0o750)
    (share.folder / "a").chmod(0o755)
    share.folder.chmod(0o755)
    in_force, file, wide, narrow = lists(told(share), "a/b/c.md")
    group = f"gid:{(share.folder / 'a').stat().st_gid}"
    everybody = {"uid:0": (True, 0), f"uid:{ME}": (True, 0), group: (True, 2)}
    assert in_force == {"everyone": (True, 0)}
    assert file == narrow == everybody or file == narrow | {f"uid:{ME}": (True, 0)}
    assert wide == everybody | {"accounts": (True, 4)}


def test_equal_files_share_one_list(share: Share) -> None:
    share.write(*(f"d{n}/f{n}.md" for n in range(20)))
    known = told(share)
    assert len(set(known.items.values())) == 1


def test_a_change_of_mode_is_no_change_of_content(share: Share) -> None:
    share.write("a.md")
    (share.folder / "a.md").chmod(0o600)
    [before] = [i for page in share.connector("posix").changes(["a.md"]) for i in page.items]
    (share.folder / "a.md").chmod(0o644)
    [after] = [i for page in share.connector("posix").changes(["a.md"]) for i in page.items]
    assert before.version == after.version and before.policy != after.policy


def test_the_permission_lane_tells_every_file_in_bounded_pages(share: Share) -> None:
    share.write(*(f"f{n}.md" for n in range(1_100)))
    first, *rest = share.connector("posix").permissions()
    assert first.are_acls_complete and first.total_items == 1_100
    assert [len(page.item_policies) for page in rest] == [500, 500, 100]
    assert not any(page.items for page in rest)
    swept = told(share)
    assert dict(pair for page in rest for pair in page.item_policies) == swept.items


def test_the_permission_lane_sees_a_new_mode_of_a_folder(share: Share) -> None:
    share.write("x/a.md", "y/b.md")
    known = told(share)
    before = dict(known.items)
    (share.folder / "x").chmod(0o700)
    known.take(share.connector("posix").permissions())
    assert known.items["x/a.md"] != before["x/a.md"]
    assert known.items["y/b.md"] == before["y/b.md"]


def test_other_readers_close_what_the_file_system_opened(share: Share) -> None:
    share.write("a.md")
    share.manifest("version: 1\nfolders: {.: {readers: [ada@x.example]}}\n")
    known = told(share)
    assert "posix" in known.places
    for access in ("manifest", "all_members", "listed"):
        [page] = share.connector(access).permissions()
        assert page.are_acls_complete
        assert "posix" not in {acl.external_id for acl in page.acls}


def test_others_are_those_with_an_account_unless_all_members_are_meant(share: Share) -> None:
    share.write("a.md")
    (share.folder / "a.md").chmod(0o604)
    strict = lists(told(share), "a.md")[1]
    wide = share.connector("posix", others_are_members=True)
    loose = lists(Known().take(wide.sweep(None)), "a.md")[1]
    assert "accounts" in strict and "members" not in strict
    assert loose == strict | {"members": (True, 4)}


def test_named_users_of_an_acl_are_told(share: Share) -> None:
    share.write("a.md")
    file = share.folder / "a.md"
    file.chmod(0o640)
    _set_acl(file, [Line(Tag.USER, 4, 40_001), Line(Tag.GROUP, 0, 40_002)], mask=4)
    found = lists(told(share), "a.md")[1]
    assert found["uid:40001"] == (True, 1) and found["gid:40002"] == (False, 3)
    _set_acl(file, [Line(Tag.USER, 4, 40_001)], mask=0)
    assert "uid:40001" not in lists(told(share), "a.md")[1]


def _set_acl(file: Path, named: list[Line], *, mask: int) -> None:
    lines = [Line(Tag.USER_OBJ, 6), Line(Tag.GROUP_OBJ, 4), Line(Tag.OTHER, 0), *named]
    try:
        os.setxattr(file, "system.posix_acl_access", posix.packed([*lines, Line(Tag.MASK, mask)]))
    except OSError as error:
        pytest.skip(f"The file system of the tests keeps no POSIX ACLs: {error}")


@pytest.mark.parametrize(
    "attribute",
    [
        b"",
        b"\x01\0\0\0",
        b"\x02\0\0",
        b"\x02\0\0\0\x01",
        b"\x02\0\0\0" + b"\x40\0\x07\0" + b"\xff" * 4,
    ],
)
def test_an_acl_of_another_form_is_not_guessed(attribute: bytes) -> None:
    with pytest.raises(ContractBroken):
        posix.parsed(attribute)


def test_accounts_come_from_the_user_database_and_unknown_ids_keep_their_numbers() -> None:
    told = {group.principal.external_id: group for group in accounts.groups([40_001], [40_002])}
    root = pwd.getpwuid(0)
    everybody = {member.external_id: member for member in told["accounts"].members}
    assert root.pw_name in everybody["uid:0"].label
    assert everybody["uid:40001"].label == ""
    assert "uid:0" in {member.external_id for member in told[f"gid:{root.pw_gid}"].members}
    assert not told["gid:40002"].is_known and told[f"gid:{root.pw_gid}"].is_known


def test_the_live_check_answers_from_the_disk(share: Share) -> None:
    share.write("x/a.md")
    nobody = pwd.getpwnam("nobody")
    me = [RemotePrincipal(PrincipalKind.USER, f"uid:{nobody.pw_uid}")]
    check = share.connector("posix").check_access
    share.folder.chmod(0o755)
    (share.folder / "x").chmod(0o755)
    (share.folder / "x/a.md").chmod(0o604)
    assert check("x/a.md", me) is True
    (share.folder / "x").chmod(0o750)
    assert check("x/a.md", me) is False
    assert check("x/a.md", [RemotePrincipal(PrincipalKind.MEMBERS, "members")]) is False
    assert check("x/a.md", [RemotePrincipal(PrincipalKind.USER, "uid:40001")]) is None
