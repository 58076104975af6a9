from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.ops.sandbox.drive.company import DriveCompany
from tests.ops.sandbox.drive_api import Google, google_of, small_company

USERS, GROUPS = "/admin/directory/v1/users", "/admin/directory/v1/groups"
ADA, BO, CY = (f"{name}@example.com" for name in ("ada", "bo", "cy"))
EVERYBODY = {"customer": "my_customer"}


@pytest.fixture
def company() -> DriveCompany:
    return small_company()


@pytest.fixture
def google(company: DriveCompany) -> Iterator[Google]:
    with google_of(company) as served:
        yield served


def test_users_come_in_pages_with_aliases_and_state(google: Google, company: DriveCompany) -> None:
    company.add_alias(ADA, "ada.berg@example.com")
    company.suspend(BO)
    company.delete_user(CY)
    ida = google.as_("ida")
    users = ida.all(USERS, "users", maxResults="2", **EVERYBODY)
    by_address = {each["primaryEmail"]: each for each in users}
    assert by_address.keys() == {"ida@example.com", ADA, BO}
    assert by_address[ADA]["aliases"] == ["ada.berg@example.com"]
    assert by_address[BO]["suspended"] is True
    assert by_address["ida@example.com"]["isAdmin"] is True
    assert ida.get(f"{USERS}/ada.berg@example.com")["primaryEmail"] == ADA
    assert ida.refused(f"{USERS}/{CY}") == (404, "notFound")
    assert ida.get(USERS, domain="example.com", fields="users/id,nextPageToken").keys() == {"users"}


def test_only_administrators_may_ask(google: Google, company: DriveCompany) -> None:
    company.add_group("team@example.com")
    ada, forbidden = google.as_("ada"), (403, "forbidden")
    assert ada.refused(USERS, **EVERYBODY) == forbidden
    assert ada.refused(GROUPS, **EVERYBODY) == forbidden
    assert ada.refused(f"{GROUPS}/team@example.com") == forbidden
    assert ada.refused(f"{GROUPS}/team@example.com/members") == forbidden


def test_members_are_direct_or_derived(google: Google, company: DriveCompany) -> None:
    inner = company.add_group("inner@example.com", members=[BO, "guest@elsewhere.example"])
    outer = company.add_group("outer@example.com", members=[ADA, inner])
    company.add_member(outer, company.people.customer_id)
    company.suspend(BO)
    ida = google.as_("ida")
    path = f"{GROUPS}/{outer}/members"
    direct = ida.all(path, "members", maxResults="1")
    assert [(each["type"], each.get("email")) for each in direct] == [
        ("USER", ADA),
        ("GROUP", inner),
        ("CUSTOMER", None),
    ]
    assert direct[2]["id"] == company.people.customer_id
    derived = ida.all(path, "members", includeDerivedMembership="true")
    assert {each["email"]: each["type"] for each in derived[3:]} == {
        BO: "USER",
        "guest@elsewhere.example": "EXTERNAL",
    }
    inside = ida.all(f"{GROUPS}/{inner}/members", "members")
    assert [each.get("status") for each in inside] == ["SUSPENDED", None]
    company.add_member(inner, CY, "OWNER")
    owners = ida.all(f"{GROUPS}/{inner}/members", "members", roles="OWNER,MANAGER")
    assert [each["email"] for each in owners] == [CY]


def test_more_than_two_hundred_members_need_pages(google: Google, company: DriveCompany) -> None:
    guests = [f"guest{number}@elsewhere.example" for number in range(210)]
    team = company.add_group("team@example.com", members=guests)
    ida = google.as_("ida")
    assert len(ida.get(f"{GROUPS}/{team}/members", maxResults="500")["members"]) == 200
    assert len(ida.all(f"{GROUPS}/{team}/members", "members")) == 210


def test_groups_are_listed_found_and_deleted(google: Google, company: DriveCompany) -> None:
    inner = company.add_group("inner@example.com", "Inner", [BO])
    outer = company.add_group("outer@example.com", members=[inner])
    ida = google.as_("ida")
    assert [each["email"] for each in ida.all(GROUPS, "groups", **EVERYBODY)] == [inner, outer]
    assert [each["email"] for each in ida.all(GROUPS, "groups", userKey=BO)] == [inner]
    shown = ida.get(f"{GROUPS}/{inner}")
    assert (shown["name"], shown["directMembersCount"]) == ("Inner", "1")
    assert ida.get(f"{GROUPS}/{shown['id']}")["email"] == inner
    assert "members" not in ida.get(f"{GROUPS}/{company.add_group('e@example.com')}/members")
    company.delete_group(inner)
    assert ida.refused(f"{GROUPS}/{inner}") == (404, "notFound")
    assert "groups" not in ida.get(GROUPS, userKey=BO)
    assert ida.refused(GROUPS) == (400, "badRequest")
    assert ida.refused(GROUPS, customer="C0000000") == (404, "notFound")


def test_groups_cannot_contain_themselves(company: DriveCompany) -> None:
    inner = company.add_group("inner@example.com")
    outer = company.add_group("outer@example.com", members=[inner])
    with pytest.raises(ValueError, match="Cyclic"):
        company.add_member(inner, outer)
    with pytest.raises(ValueError, match="Cyclic"):
        company.add_member(inner, inner)
    with pytest.raises(ValueError, match="taken"):
        company.add_user("Inner@Example.com")
    with pytest.raises(LookupError):
        company.add_member(inner, "nobody@example.com")
