"""From effective permissions to places, against a plain evaluator of Drive's rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.connections.protocol import Mode, PrincipalKind, RemoteAcl
from apps.connections.providers.google_drive import permissions
from apps.connections.providers.google_drive.answers import Grant, Person, rank

PEOPLE = ("ada", "bo", "cy", "di")
ROLES = ("reader", "commenter", "writer", "fileOrganizer")
LATER = datetime.now(UTC) + timedelta(days=1)


@dataclass
class Item:
    """A folder or file of the model: what was given on it, and where it is."""

    name: str
    parent: Item | None = None
    given: dict[str, Grant] = field(default_factory=dict)
    is_limited: bool = False
    hides_details: bool = False

    def line(self) -> list[Item]:
        """Return it and what is above it."""
        return [self, *(self.parent.line() if self.parent else [])]

    def effective(self) -> tuple[Grant, ...]:
        """Return what Drive would show: the highest role of each grantee."""
        found: dict[str, Grant] = {}
        is_cut = False
        for item in self.line():
            for who, grant in item.given.items():
                passes = not is_cut or grant.role == "organizer"
                view = "" if passes else "metadata"
                role = "writer" if item is not self and grant.role == "owner" else grant.role
                own = "" if item is not self else role
                told = replace(grant, role=role, own_role=own, view=view)
                known = found.get(who)
                if known is None or (known.view and not view):
                    found[who] = replace(told, own_role=known.own_role if known else own)
                elif not view and rank(role) > rank(known.role):
                    found[who] = replace(told, own_role=known.own_role, expires_at=None)
            is_cut = is_cut or item.is_limited
        hidden = (replace(grant, own_role=None) for grant in found.values())
        return tuple(hidden if self.hides_details else found.values())


def reads(item: Item) -> set[str]:
    """Return who reads an item, by a plain walk up the parents."""
    found = {who for who, grant in item.given.items() if rank(grant.role) >= 0}
    if item.parent is None:
        return found
    if item.is_limited:
        above = item.parent.line()
        return found | {w for a in above for w, g in a.given.items() if g.role == "organizer"}
    return found | reads(item.parent)


def told(item: Item, places: dict[str, RemoteAcl]) -> str:
    """Tell the places of an item and those above it; return the one that it rests on."""
    above = told(item.parent, places) if item.parent else None
    own = permissions.own(
        item.effective(),
        above=item.parent.effective() if item.parent else None,
        has_parent=item.parent is not None,
        is_limited=item.is_limited,
    )
    if above is not None and own.is_plain and item.name == "file":
        return above
    places[item.name] = permissions.place(item.name, own, label=item.name, parent=above)
    return item.name


def stored_reads(name: str, places: dict[str, RemoteAcl]) -> set[str]:
    """Return who reads by the places, as the engine decides."""
    found: set[str] = set()
    is_cut, at = False, places[name]
    while True:
        for entry in at.entries:
            assert entry.principal.kind == PrincipalKind.USER
            if entry.is_sticky or not is_cut:
                found.add(entry.principal.external_id)
        is_cut = is_cut or at.mode == Mode.CUT
        if at.parent is None:
            return found
        at = places[at.parent]


def granted(roles: dict[str, str]) -> dict[str, Grant]:
    return {who: Grant(who, "user", role, role, email=who) for who, role in roles.items()}


own_roles = st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(ROLES), max_size=3)


@st.composite
def trees(draw: st.DrawFn, *, hides: bool) -> list[Item]:
    """Draw a chain of folders with a file at its end, in a My Drive or a shared drive."""
    is_shared_drive = not hides and draw(st.booleans())
    owner = draw(st.sampled_from(PEOPLE))
    line: list[Item] = []
    for depth in range(draw(st.integers(2, 5))):
        roles = draw(own_roles)
        if is_shared_drive:
            roles |= {owner: "organizer"} if depth == 0 else {}
        else:
            roles = {who: role for who, role in roles.items() if role != "fileOrganizer"}
            roles |= {draw(st.sampled_from([owner, owner, *PEOPLE])): "owner"}
        limited = depth > 0 and draw(st.booleans())
        parent = line[-1] if line else None
        line.append(Item(f"f{depth}", parent, granted(roles), limited, hides))
    line[-1].name = "file"
    return line


@given(trees(hides=False))
def test_places_open_to_exactly_the_readers(line: list[Item]) -> None:
    for item in line:
        places: dict[str, RemoteAcl] = {}
        rests_on = told(item, places)
        assert stored_reads(rests_on, places) == reads(item)


@given(trees(hides=True))
def test_without_details_they_open_to_exactly_the_readers_too(line: list[Item]) -> None:
    for item in line:
        places: dict[str, RemoteAcl] = {}
        rests_on = told(item, places)
        assert stored_reads(rests_on, places) == reads(item)


@given(trees(hides=False), own_roles)
def test_a_folder_shared_anew_changes_its_own_place_alone(
    line: list[Item], roles: dict[str, str]
) -> None:
    places: dict[str, RemoteAcl] = {}
    rests_on = told(line[-1], places)
    kept = {who: grant for who, grant in line[0].given.items() if rank(grant.role) > 3}
    line[0].given = granted(roles) | kept
    changed: dict[str, RemoteAcl] = {}
    told(line[0], changed)
    assert stored_reads(rests_on, places | changed) <= reads(line[-1]) | set(kept)
    if not any(grant.role == "owner" for item in line for grant in item.given.values()):
        assert stored_reads(rests_on, places | changed) == reads(line[-1])


def test_what_folders_above_hide_is_the_items_own() -> None:
    grants = (
        Grant("ada", "user", "writer", ""),
        Grant("bo", "user", "reader", "reader"),
        Grant("cy", "user", "reader", "", view="metadata"),
        Grant("di", "user", "publishedReader", "publishedReader"),
        Grant("ed", "user", "writer", "", is_deleted=True),
    )
    own = permissions.own(grants, above=None, has_parent=False)
    assert {grant.id for grant in own.grants} == {"ada", "bo"}


def test_time_limits_and_links_are_no_part_of_what_a_folder_grants() -> None:
    above = (Grant("ada", "user", "reader", expires_at=LATER),)
    grants = (Grant("ada", "user", "reader"),)
    own = permissions.own(grants, above=above, has_parent=True)
    assert (own.grants, own.cuts) == (grants, False)
    link = Grant("anyoneWithLink", "anyone", "reader")
    listed = Grant("anyone", "anyone", "reader", discoverable=True)
    own = permissions.own((link, listed), above=(link,), has_parent=True)
    assert [grant.id for grant in own.grants] == ["anyone"]


def test_an_item_that_lacks_what_its_folder_grants_stands_alone() -> None:
    above = (Grant("ada", "user", "owner"), Grant("bo", "user", "reader"))
    own = permissions.own((Grant("ada", "user", "owner"),), above=above, has_parent=True)
    assert (own.cuts, [grant.id for grant in own.grants]) == (True, ["ada"])


def test_what_is_hidden_is_for_the_one_who_sees_it() -> None:
    [grant] = permissions.only(Person("1", "ada@example.com", "Ada"))
    assert (grant.id, grant.type, grant.role) == ("1", "user", "reader")


def test_a_closed_place_opens_to_nobody_below_it() -> None:
    places = {"gone": permissions.closed("gone")}
    own = permissions.own((), above=(), has_parent=True)
    places["below"] = permissions.place("below", own, label="below", parent="gone")
    assert stored_reads("below", places) == set()
