"""WebDAV's ordered lists against RFC 3744, 6: entry by entry until the privilege is decided."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import webdav
from apps.connections.dialects.webdav import Ace
from apps.connections.protocol import RemotePolicy
from tests.connections.dialects.engine import company, group, relaxed
from tests.world import World

PEOPLE = ("/p/ada", "/p/bo", "/p/cy")
GROUPS = {"/g/one": PEOPLE[:2], "/g/two": PEOPLE[2:]}
OWNER = PEOPLE[1]


def granted(acl: list[Ace], who: str) -> bool:
    for ace in acl:
        names = {who, "DAV:all", "DAV:authenticated"} | {g for g, m in GROUPS.items() if who in m}
        names |= {"DAV:owner"} if who == OWNER else set()
        if ace.principal in names and ace.privileges & {"DAV:read", "DAV:all"}:
            return ace.is_grant
    return False


aces = st.builds(
    Ace,
    st.sampled_from([*PEOPLE, *GROUPS, "DAV:all", "DAV:owner", "DAV:unauthenticated"]),
    st.sets(st.sampled_from(["DAV:read", "DAV:write", "DAV:all", "DAV:bind"])).map(frozenset),
    st.booleans(),
)


@given(acl=st.lists(aces, max_size=8))
@relaxed
def test_the_engine_reads_what_the_list_grants(world: World, acl: list[Ace]) -> None:
    with company(world, PEOPLE) as made:
        told = webdav.readers(acl, owner=OWNER, people=PEOPLE, groups=GROUPS)
        made.tell([told], {group(g): m for g, m in GROUPS.items()})
        read = made.readers(((told.external_id,),))
        assert read == {who for who in PEOPLE if granted(acl, who)}


def test_what_cannot_be_kept_admits_nobody(world: World) -> None:
    read = frozenset({"DAV:read"})
    lists = [
        [Ace("DAV:all", read), Ace(PEOPLE[0], read, is_inverted=True)],
        [Ace("/p/unknown", read)],
        [Ace("/p/unknown", read, is_grant=False), Ace("DAV:all", read)],
    ]
    with company(world, PEOPLE) as made:
        told = [webdav.readers(acl, people=PEOPLE) for acl in lists]
        made.tell(told)
        policies: list[RemotePolicy] = [((one.external_id,),) for one in told]
        assert made.all_readers(policies) == [set(), set(), set()]
