"""Who may read, found in two ways: from what the APIs say, and by the oracle."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.drive.sample import sample_company
from tests.ops.sandbox.drive_api import Google, Json, Person, google_of

NAMES = ["ida", "ada", "bo", "cy"]
PEOPLE = [f"{name}@example.com" for name in NAMES]
GROUPS = ["red@example.com", "blue@example.com"]
WHO = [*PEOPLE[1:], *GROUPS, "guest@elsewhere.example", "example.com", "anyone"]

acts = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "share", "share", "unshare", "move", "limit", "limit", "member", "suspend"]
        ),
        st.integers(0, 30),
        st.integers(0, 30),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


class Play:
    """Applies random acts; acts that Google would refuse change nothing."""

    def __init__(self) -> None:
        self.company = DriveCompany(seed=3)
        self.company.add_user(PEOPLE[0], is_admin=True)
        for email in PEOPLE[1:]:
            self.company.add_user(email)
        for email in GROUPS:
            self.company.add_group(email)
        members = {PEOPLE[0]: "organizer", PEOPLE[2]: "writer", GROUPS[0]: "reader"}
        drive = self.company.add_drive("Team", members)
        self.roots = [drive, *(self.company.account(email).root_id for email in PEOPLE[1:])]
        self.folders: list[str] = []
        self.items: list[str] = [drive]
        for root in self.roots[:2]:
            outer = self.company.add_folder("Outer", into=root)
            inner = self.company.add_folder("Inner", into=outer)
            self.company.share(outer, PEOPLE[3])
            self.folders += [outer, inner]
            self.items += [outer, inner, self.company.add_doc("Doc", "text", into=inner)]

    def act(self, kind: str, one: int, other: int, *, flag: bool) -> None:
        try:
            getattr(self, f"_{kind}")(one, other, flag)
        except (ValueError, LookupError):
            return

    def _add(self, one: int, other: int, flag: bool) -> None:
        folder = self._folder(one)
        if flag:
            item = self.company.add_folder("Folder", into=folder)
            self.folders.append(item)
        else:
            item = self.company.add_doc("Doc", "text", into=folder)
        self.items.append(item)

    def _share(self, one: int, other: int, flag: bool) -> None:
        role = ["reader", "writer", "commenter", "fileOrganizer"][other % 4]
        who = WHO[other % len(WHO)]
        self.company.share(self.items[one % len(self.items)], who, role, discoverable=flag)

    def _unshare(self, one: int, other: int, flag: bool) -> None:
        self.company.unshare(self.items[one % len(self.items)], WHO[other % len(WHO)])

    def _move(self, one: int, other: int, flag: bool) -> None:
        self.company.move(self.items[one % len(self.items)], self._folder(other))

    def _limit(self, one: int, other: int, flag: bool) -> None:
        folder = self.folders[one % len(self.folders)]
        self.company.limit_access(folder, limited=other % 4 > 0)

    def _member(self, one: int, other: int, flag: bool) -> None:
        everybody = [self.company.people.customer_id, *PEOPLE[1:], *GROUPS]
        group, member = GROUPS[one % 2], everybody[other % len(everybody)]
        if flag:
            self.company.add_member(group, member)
        else:
            self.company.remove_member(group, member)

    def _folder(self, number: int) -> str:
        folders = [*self.folders, *self.roots]
        return folders[number % len(folders)]

    def _suspend(self, one: int, other: int, flag: bool) -> None:
        # Ida lists the groups, so she stays.
        self.company.suspend(PEOPLE[1 + one % 3], suspended=flag)


class Reader:
    """Finds the readers of items from what the APIs say, as a connector has to."""

    def __init__(self, google: Google, company: DriveCompany) -> None:
        self.google = google
        self.company = company
        admin = self.as_(PEOPLE[0])
        users = admin.all("/admin/directory/v1/users", "users", customer="my_customer")
        self.active = {each["primaryEmail"] for each in users if not each["suspended"]}
        self.suspended = {each["primaryEmail"] for each in users if each["suspended"]}
        self.groups = {
            email: admin.all(f"/admin/directory/v1/groups/{email}/members", "members")
            for email in GROUPS
        }

    def as_(self, email: str) -> Person:
        return self.google.with_token(self.company.sign_in(email))

    def readers(self, item_id: str, *, with_link: bool) -> set[str]:
        item = self.company.items[item_id]
        owner = self.company.people.users[item.owner].email if item.owner else PEOPLE[0]
        found: set[str] = set()
        path = f"/drive/v3/files/{item_id}/permissions"
        person = self.as_(owner)
        for each in person.all(path, "permissions", supportsAllDrives="true", fields="*"):
            found |= self._holders(each, with_link=with_link)
        return found - self.suspended

    def _holders(self, permission: Json, *, with_link: bool) -> set[str]:
        if permission.get("view"):
            return set()
        if permission["type"] == "user":
            return {permission["emailAddress"]}
        if permission["type"] == "group":
            return self._members(permission["emailAddress"])
        if not permission["allowFileDiscovery"] and not with_link:
            return set()
        if permission["type"] == "domain":
            return set(self.active)
        outside = {each.email for each in self.company.people.users.values() if each.is_external}
        return self.active | outside

    def _members(self, group: str) -> set[str]:
        found: set[str] = set()
        for member in self.groups[group]:
            if member["type"] == "GROUP":
                found |= self._members(member["email"])
            elif member["type"] == "CUSTOMER":
                found |= self.active
            else:
                found.add(member["email"])
        return found


@given(acts)
@settings(max_examples=15, deadline=None)
def test_permissions_and_oracle_name_the_same_readers(
    acted: list[tuple[str, int, int, bool]],
) -> None:
    play = Play()
    for kind, one, other, flag in acted:
        play.act(kind, one, other, flag=flag)
    company = play.company
    with google_of(company) as google:
        reader = Reader(google, company)
        for item_id in play.items:
            owner = company.items[item_id].owner
            if owner and not company.people.users[owner].may_sign_in:
                continue
            for with_link in (False, True):
                truth = company.readers(item_id, with_link=with_link)
                assert reader.readers(item_id, with_link=with_link) == truth


@given(acts)
@settings(max_examples=100, deadline=None)
def test_the_decisions_of_the_server_are_those_of_the_oracle(
    acted: list[tuple[str, int, int, bool]],
) -> None:
    play = Play()
    company = play.company
    for kind, one, other, flag in acted:
        play.act(kind, one, other, flag=flag)
        for item_id in play.items:
            item = company.items[item_id]
            users = company.people.users.values()
            opens = {user.email for user in users if company.access.reads(user, item)}
            assert opens == company.readers(item_id, with_link=True)


def test_the_sample_company_has_closed_and_open_documents() -> None:
    company = sample_company()
    readers = {live.name: company.readers(each) for each, live in company.live_files().items()}
    assert readers["Bands"] == {"ida@example.com"}
    assert readers["Diary"] == {"ada@example.com"}
    assert readers["notes.txt"] == {"ada@example.com", "bo@example.com"}
    assert len(readers["Holidays"]) == 5


def test_the_same_seed_gives_the_same_ids() -> None:
    one, two, other = sample_company(), sample_company(), sample_company(seed=1)
    assert one.items.keys() == two.items.keys()
    assert one.items.keys().isdisjoint(other.items)
    assert one.people.users.keys() == two.people.users.keys()
