"""SharePoint: role assignments from the last break on, claims, and sharing links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import sharepoint
from apps.connections.dialects.audiences import LINK
from apps.connections.protocol import RemotePrincipal
from tests.connections.dialects.engine import company, person, policy_of, relaxed
from tests.world import World

PEOPLE = ("ada", "bo", "cy")
GUID = "0f0e0d0c-0000-4000-8000-00000000abcd"
READS, LIMITED = sharepoint.VIEW_LIST_ITEMS | sharepoint.OPEN_ITEMS, 0x10000


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        (f"c:0t.c|tenant|{GUID}", f"entra:{GUID}"),
        (f"c:0o.c|federateddirectoryclaimprovider|{GUID}", f"entra:{GUID}"),
        (f"c:0o.c|federateddirectoryclaimprovider|{GUID}_o", f"entra-owners:{GUID}"),
        (f"c:0-.f|rolemanager|spo-grid-all-users/{GUID}", "members"),
        ("c:0(.s|true", "everyone"),
        ("i:0#.f|membership|Ada@acme.example", "ada@acme.example"),
        (f"c:0t.c|tenant|{GUID}_o", None),
        ("c:0!.s|windows", None),
        ("SHAREPOINT\\system", None),
        ("", None),
    ],
)
def test_a_claim_is_whom_it_names_or_nobody(claim: str, name: str | None) -> None:
    found = sharepoint.principal_of(claim)
    assert (found.external_id if found else None) == name


assignments = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from([READS, LIMITED, READS | 4, 0x1])),
    max_size=4,
)


@given(levels=st.lists(st.tuples(assignments, st.booleans()), min_size=1, max_size=4))
@relaxed
def test_sharepoint_reads_from_the_last_break(
    world: World, levels: list[tuple[list[tuple[str, int]], bool]]
) -> None:
    def reads(who: str) -> bool:
        if who == "cy":  # a site admin
            return True
        for own, breaks in levels:
            if any(name == who and bits & READS == READS for name, bits in own):
                return True
            if breaks:
                return False
        return False

    last = len(levels) - 1
    with company(world, PEOPLE) as made:
        made.tell(
            sharepoint.readers(
                f"o{n}",
                [sharepoint.RoleAssignment(person(name), bits) for name, bits in own],
                parent=None if n == last else f"o{n + 1}",
                has_unique_role_assignments=breaks,
                site_admins=[person("cy")] if n == last else [],
            )
            for n, (own, breaks) in enumerate(levels)
        )
        assert made.readers(policy_of("o0")) == {who for who in PEOPLE if reads(who)}


def test_sharepoint_groups_are_known_within_their_site_only(world: World) -> None:
    here, there = (sharepoint.site_group(site, 5, "Members") for site in ("hr", "sales"))
    with company(world, PEOPLE) as made:
        made.tell(
            [sharepoint.readers("hr", [sharepoint.RoleAssignment(here, READS)])],
            groups={here: {"ada"}, there: {"bo"}},
        )
        assert made.readers(policy_of("hr")) == {"ada"}


@pytest.mark.parametrize(
    ("told", "principals"),
    [
        (sharepoint.SharingLink("anonymous"), [LINK]),
        (sharepoint.SharingLink("organization", has_password=True), []),
        (sharepoint.SharingLink("users", granted_to=(person("ada"),)), [person("ada")]),
        (sharepoint.SharingLink("existingAccess"), []),
        (sharepoint.SharingLink("something new"), []),
    ],
)
def test_sharing_links(told: sharepoint.SharingLink, principals: list[RemotePrincipal]) -> None:
    assert [entry.principal for entry in sharepoint.entries_of(told)] == principals
