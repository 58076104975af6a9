"""Who reads what, by a manifest: the places told must decide as the manifest's text does."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.connections.folders import Known, Share, problems
from tests.world import assert_visible

PEOPLE = ["ada@x.example", "bo@x.example", "cy@x.example"]
GROUPS = ["red", "green", "blue"]
FOLDERS = [".", "a", "a/b", "a/b/c", "d"]
FILES = ["top.md", "a/one.md", "a/b/two.md", "a/b/c/three.md", "d/four.md", "d/five.md"]

_readers = st.lists(st.sampled_from([*PEOPLE, *GROUPS, "unheard-of"]), max_size=3)
_rules = st.fixed_dictionaries({"readers": _readers, "inherit": st.booleans()})
_manifests = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "groups": st.dictionaries(
            st.sampled_from(GROUPS), st.fixed_dictionaries({"members": _readers})
        ),
        "folders": st.dictionaries(st.sampled_from(FOLDERS), _rules),
        "files": st.dictionaries(st.sampled_from(FILES), _rules),
    }
)

# Every example writes the manifest anew; the files stay the same.
_SHARED = HealthCheck.function_scoped_fixture


def reads(manifest: dict[str, Any], person: str, path: str) -> bool:
    """Decide by walking up from the file, as somebody who reads the manifest would."""
    steps = [("files", path)]
    folder = path.rpartition("/")[0]
    while folder:
        steps.append(("folders", folder))
        folder = folder.rpartition("/")[0]
    steps.append(("folders", "."))
    for section, name in steps:
        rule = manifest[section].get(name, {"readers": [], "inherit": True})
        if any(_is_or_holds(manifest, reader, person, ()) for reader in rule["readers"]):
            return True
        if not rule["inherit"]:
            return False
    return False


def _is_or_holds(manifest: dict[str, Any], reader: str, person: str, seen: tuple[str, ...]) -> bool:
    if reader == person:
        return True
    if reader in seen or reader not in manifest["groups"]:
        return False
    members = manifest["groups"][reader]["members"]
    return any(_is_or_holds(manifest, member, person, (*seen, reader)) for member in members)


@pytest.fixture
def folder(share: Share) -> Share:
    share.write(*FILES)
    return share


@given(told=_manifests)
@settings(max_examples=150, deadline=None, suppress_health_check=[_SHARED])
def test_every_way_to_ask_decides_as_the_manifest_reads(
    folder: Share, told: dict[str, Any]
) -> None:
    folder.manifest(json.dumps(told))
    expected = {path: {person for person in PEOPLE if reads(told, person, path)} for path in FILES}
    connector = folder.connector()
    swept = Known().take(connector.sweep(None))
    assert {path: swept.readers(path) for path in FILES} == expected
    # Known with closed places first, then opened by the permissions alone.
    later = Known(items=dict(swept.items)).take(connector.permissions())
    assert {path: later.readers(path) for path in FILES} == expected
    # New files, found one by one, beside the groups that permissions told.
    found = Known().take(connector.permissions()).take(connector.changes(FILES))
    assert {path: found.readers(path) for path in FILES} == expected


@given(before=_manifests, after=_manifests)
@settings(max_examples=100, deadline=None, suppress_health_check=[_SHARED])
def test_permissions_alone_carry_the_folder_from_one_manifest_to_the_next(
    folder: Share, before: dict[str, Any], after: dict[str, Any]
) -> None:
    connector = folder.connector()
    folder.manifest(json.dumps(before))
    known = Known().take(connector.sweep(None))
    folder.manifest(json.dumps(after))
    places_before = dict(known.places)
    known.take(connector.permissions())
    # A place that is not listed any more is one that only adds to its parent.
    for name, place in places_before.items():
        if name not in known.places:
            known.places[name] = _plain(place)
    for path in FILES:
        assert known.readers(path) == {p for p in PEOPLE if reads(after, p, path)}, path


def _plain(place: Any) -> Any:
    return type(place)(place.external_id, place.label, parent=place.parent)


def test_a_reader_that_nobody_defined_is_dropped_and_told(folder: Share) -> None:
    folder.manifest(
        "version: 1\n"
        "groups: {staff: {members: [ada@x.example, staf]}}\n"
        "folders: {a: {readers: [finanse, staff, not an@address]}}\n"
    )
    told = [p for page in folder.connector().permissions() for p in page.problems]
    assert [p.code for p in told] == ["manifest_reader_unknown"] * 3
    assert "“staf” among the members of the group “staff”" in told[0].message
    assert "“finanse” among the readers of “/a” (line 3)" in told[1].message
    assert_visible(
        Known().take(folder.connector().sweep(None)).readers("a/one.md"),
        seen={"ada@x.example"},
        hidden={"finanse", "staf", "not an@address"},
    )


def test_addresses_are_compared_without_case(folder: Share) -> None:
    folder.manifest("version: 1\nfolders: {a: {readers: [Ada@X.example, ada@x.EXAMPLE]}}\n")
    known = Known().take(folder.connector().sweep(None))
    assert known.readers("a/one.md") == {"ada@x.example"}
    assert len(known.places["a/"].entries) == 1


def test_a_rule_for_what_is_not_there_is_told_with_what_may_be_meant(folder: Share) -> None:
    folder.manifest(
        "version: 1\n"
        "folders:\n  A/b: {inherit: false}\n  B: {inherit: false}\n  D: {inherit: false}\n"
        "files:\n  a/on.md: {inherit: false}\n  a/b: {inherit: false}\n"
    )
    told = [p for page in folder.connector().permissions() for p in page.problems]
    assert {p.code for p in told} == {"manifest_target_missing"}
    assert [p.message.split(",")[0] for p in told] == [
        "Line 3 sets readers for the folder “/A/b”",
        "Line 4 sets readers for the folder “/B”",
        "Line 5 sets readers for the folder “/D”",
        "Line 7 sets readers for the file “/a/on.md”",
        "Line 8 sets readers for the file “/a/b”",
    ]
    assert "Was “/d” meant?" in told[2].hint


def test_a_folder_that_is_away_keeps_what_closes_it(folder: Share) -> None:
    folder.manifest(
        "version: 1\nfolders:\n  a: {readers: [ada@x.example]}\n"
        "  a/gone/deep: {readers: [bo@x.example], inherit: false}\n"
        "files:\n  a/gone/deep/x.md: {inherit: false}\n"
    )
    known = Known(items={"a/gone/deep/y.md": (("a/gone/deep/",),)})
    known.take(folder.connector().permissions())
    assert known.readers("a/gone/deep/y.md") == {"bo@x.example"}
    assert known.places["file:a/gone/deep/x.md"].parent == "a/gone/deep/"
    assert known.places["a/gone/"].parent == "a/"


def test_a_name_matches_in_either_form_of_its_accents(share: Share) -> None:
    share.write("cafe\u0301/menu.md", "re\u0301sume\u0301.md")
    share.manifest(
        "version: 1\nfolders:\n  .: {readers: [ada@x.example]}\n  caf\u00e9: {inherit: false}\n"
        "files:\n  r\u00e9sum\u00e9.md: {inherit: false}\n"
    )
    known = Known().take(share.connector().sweep(None))
    assert known.readers("cafe\u0301/menu.md") == set()
    assert known.readers("re\u0301sume\u0301.md") == set()
    assert problems(share.connector().permissions()) == {}


def test_the_example_in_the_documentation_means_what_its_comments_say(share: Share) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "folder-connection.md"
    share.manifest(page.read_text().split("```yaml\n")[1].split("```")[0])
    paths = [
        "top.md", "company/a.md", "company/strategy-draft.md", "finance/a.md",
        "finance/expense-rates.csv", "finance/payroll/a.md",
    ]  # fmt: skip
    share.write(*paths)
    pages = list(share.connector().permissions())
    assert problems(pages) == {}
    known = Known().take(share.connector().sweep(None))
    readers = {path: {who.partition("@")[0] for who in known.readers(path)} for path in paths}
    assert readers == {
        "top.md": {"lea"},
        "company/a.md": {"ada", "bo", "kim", "lea"},
        "company/strategy-draft.md": {"lea"},
        "finance/a.md": {"bo", "lea"},
        "finance/expense-rates.csv": {"ada", "bo", "kim", "lea"},
        "finance/payroll/a.md": {"lea"},
    }


@pytest.mark.parametrize("access", ["all_members", "listed"])
def test_an_audience_ignores_the_manifest_and_says_so(folder: Share, access: str) -> None:
    folder.manifest("version: 1\nfolders: {a: {readers: [bo@x.example], inherit: false}}")
    connector = folder.connector(access, "ada@x.example")
    known = Known().take(connector.sweep(None))
    expected = {"members"} if access == "all_members" else {"ada@x.example"}
    assert {frozenset(known.readers(path)) for path in FILES} == {frozenset(expected)}
    (told,) = [p for page in connector.permissions() for p in page.problems]
    assert (told.code, told.is_error) == ("manifest_ignored", False)


def test_ten_thousand_folders_are_told_in_two_seconds_of_work(share: Share) -> None:
    for number in range(100):
        for inner in range(99):
            (share.folder / f"area {number}" / f"project {inner}").mkdir(parents=True)
    share.manifest("version: 1\nfolders: {area 3: {readers: [ada@x.example]}}")
    started = time.process_time()
    (page,) = share.connector().permissions()
    assert len(page.acls) == 10_001
    assert time.process_time() - started < 2
