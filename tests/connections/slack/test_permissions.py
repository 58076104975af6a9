"""Whoever reads at Slack reads in Kenward, and nobody else; held against a plain rule."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects.audiences import MEMBERS
from apps.connections.protocol import PrincipalKind, RemoteAcl, RemoteGroup
from apps.connections.providers.slack import permissions, records
from apps.connections.providers.slack.permissions import Audience
from apps.connections.providers.slack.records import Channel, ChannelKind, File, Person
from apps.ops.sandbox.slack.records import Guest
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import ADA, BO, CY, GIL, Tarn

IDS = ("U1", "U2", "U3", "U4")
AUDIENCE = Audience("T1")
person = st.builds(
    Person,
    id=st.just(""),
    name=st.just("Someone"),
    is_active=st.booleans(),
    is_bot=st.booleans(),
    is_guest=st.booleans(),
    is_stranger=st.booleans(),
)
people = st.tuples(*(person for _ in IDS)).map(
    lambda some: [
        Person(name, each.name, f"{name}@x.example", each.is_active, each.is_bot, each.is_guest,
               each.is_stranger)
        for name, each in zip(IDS, some, strict=True)
    ]
)  # fmt: skip
channel = st.builds(
    Channel, id=st.just("C1"), kind=st.sampled_from(ChannelKind), is_shared=st.booleans()
)
members = st.sets(st.sampled_from(IDS))


def readers(acl: RemoteAcl, groups: Sequence[RemoteGroup]) -> set[str]:
    """Return whom the entries and groups let in, of those told to be active."""
    lists = {group.principal.external_id: group.members for group in groups}
    told = [each for members in lists.values() for each in members]
    ids: set[str] = set()
    for entry in acl.entries:
        name = entry.principal.external_id
        told.append(entry.principal)
        is_person = entry.principal.kind == PrincipalKind.USER
        ids |= {name} if is_person else {each.external_id for each in lists[name]}
    return ids - {each.external_id for each in told if each.is_active is False}


def allowed(place: Channel, inside: set[str], known: Sequence[Person]) -> set[str]:
    """Return who may read a channel, by Slack's rule in plain words."""
    found = set()
    for each in known:
        if not each.is_active or each.is_bot:
            continue
        is_employee = not each.is_guest and not each.is_stranger
        if each.id in inside or (place.kind is ChannelKind.PUBLIC and is_employee):
            found.add(each.id)
    return found


@given(people, channel, members)
def test_places_with_the_directory_at_hand(
    known: list[Person], place: Channel, inside: set[str]
) -> None:
    directory = {each.id: each for each in known}
    asked = inside if permissions.needs_members(place, directory) else set()
    acl = AUDIENCE.place(place, asked, directory)
    expected = allowed(place, inside, known)
    if not place.is_shared:  # strangers come in through shared channels alone
        expected -= {p.id for p in known if p.is_stranger and place.is_public} - asked
    assert readers(acl, AUDIENCE.groups(known)) == expected


@given(people, channel, members)
def test_places_without_it_are_the_same_for_people(
    known: list[Person], place: Channel, inside: set[str]
) -> None:
    acl = AUDIENCE.place(place, inside, {})
    bots = {each.id for each in known if each.is_bot}
    assert readers(acl, AUDIENCE.groups(known)) - bots == allowed(place, inside, known)


@given(people)
def test_strangers_tell_no_address(known: list[Person]) -> None:
    body = {
        "id": "U9",
        "team_id": "T2",
        "profile": {"real_name": "Sam", "email": "ceo@tarn.example"},
    }
    found = records.person(body, "T1")
    assert found.is_stranger
    assert not permissions.principal(found).email
    unsure = {**body, "team_id": "T1", "is_email_confirmed": False}
    assert not records.person(unsure, "T1").email
    assert not any(each.is_active is None for g in AUDIENCE.groups(known) for each in g.members)


def test_the_whole_company_is_all_members() -> None:
    audience = Audience("T1", is_whole_company=True)
    acl = audience.place(Channel("C1", ChannelKind.PUBLIC), [], {})
    assert [entry.principal for entry in acl.entries] == [MEMBERS]
    private = audience.place(Channel("C1", ChannelKind.PRIVATE), [], {})
    assert private.entries == ()


def test_what_is_not_clearly_public_is_private() -> None:
    for body in ({"is_channel": True}, {"is_private": False}, {"is_channel": True, "is_mpim": True,
                 "is_private": False}, {"is_channel": True, "is_private": None}):  # fmt: skip
        assert not records.channel({"id": "C1", **body}).is_public
    assert records.channel({"id": "C1", "is_channel": True, "is_private": False}).is_public


def test_a_file_is_for_the_synced_channels_it_stands_in() -> None:
    file = File("F1", mode="hosted", url="https://x.example", channels=("C1", "C2", "C3"))
    assert permissions.file_policy(file, {"C1", "C3"}) == (("C1", "C3"),)
    assert permissions.file_policy(file, ()) == ()
    for mode in ("tombstone", "hidden_by_limit", "external", "quip"):
        assert not permissions.is_document(File("F1", mode=mode, url="https://x.example"))
    assert not permissions.is_document(File("F1", mode="hosted", access="access_denied", url="u"))


def test_people_who_come_go_and_change_are_told_by_the_light_sweep(tarn: Tarn) -> None:
    work = tarn.workspace
    ledger = Ledger()

    def holds() -> bool:
        ledger.permit(tarn.slack())
        places = (tarn.general, tarn.rivers, tarn.secret)
        return all(ledger.place_readers(each) == work.readers(each) for each in places)

    assert holds()
    assert ledger.place_readers(tarn.general) == {ADA, BO, CY}
    work.set_guest(tarn.cy, Guest.SINGLE_CHANNEL)
    assert holds()
    assert ledger.place_readers(tarn.secret) == {BO, CY}
    work.set_guest(tarn.gil, Guest.NO)
    work.deactivate(tarn.bo)
    assert holds()
    assert ledger.place_readers(tarn.rivers) == {ADA, GIL}
    work.reactivate(tarn.bo)
    work.connect_team(tarn.rivers, "T0OTHER001")
    stranger = work.add_stranger("Sam Strange", "sam@other.example", "T0OTHER001").id
    work.invite(tarn.rivers, stranger)
    ledger.permit(tarn.slack())
    named = [entry.principal for entry in ledger.places[tarn.rivers][1].entries]
    assert stranger in {each.external_id for each in named}
    assert ledger.place_readers(tarn.rivers) == work.readers(tarn.rivers) - {"sam@other.example"}
    work.remove_member(tarn.rivers, stranger)
    work.add_group("crew", "Crew", [tarn.gil])  # user groups let nobody in
    assert holds()


def test_members_are_asked_for_only_where_they_matter(tarn: Tarn) -> None:
    work = tarn.workspace
    work.deactivate(tarn.gil)
    mark = work.journal.mark()
    ledger = Ledger()
    ledger.permit(tarn.slack())
    asked = [dict(e.form)["channel"] for e in work.journal.since(mark) if "members" in e.path]
    assert asked == [tarn.secret]
    assert ledger.place_readers(tarn.rivers) == work.readers(tarn.rivers)
