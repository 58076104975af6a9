"""Box and Dropbox: chains of places against small evaluators of their own rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import box, dropbox
from tests.connections.dialects.engine import AHEAD, NOW, PAST, company, person, policy_of, relaxed
from tests.world import World

PEOPLE = ("ada", "bo", "cy")

box_roles = st.sampled_from(
    ["owner", "co-owner", "editor", "viewer", "previewer", "uploader", "previewer uploader", "new"]
)
collaborations = st.lists(
    st.builds(
        box.Collaboration,
        st.sampled_from(PEOPLE).map(person),
        box_roles,
        st.sampled_from(["accepted", "accepted", "pending", "rejected"]),
        st.sampled_from([None, PAST, AHEAD]),
    ),
    max_size=5,
)


@given(file=collaborations, folder=collaborations)
@relaxed
def test_box_reads_by_the_waterfall(
    world: World, file: list[box.Collaboration], folder: list[box.Collaboration]
) -> None:
    def reads(who: str) -> bool:
        return who == "cy" or any(
            c.accessible_by.external_id == who
            and c.status == "accepted"
            and c.role not in {"uploader", "new"}
            and (c.expires_at is None or c.expires_at > NOW)
            for c in (*file, *folder)
        )

    with company(world, PEOPLE) as made:
        made.tell(
            [
                box.readers("file", file, parent="folder", owner=person("cy")),
                box.readers("folder", folder),
            ]
        )
        assert made.readers(policy_of("file")) == {who for who in PEOPLE if reads(who)}


members = st.lists(
    st.builds(
        dropbox.Member,
        st.sampled_from(PEOPLE).map(person),
        st.sampled_from(
            ["owner", "editor", "viewer", "viewer_no_comment", "traverse", "no_access"]
        ),
        st.booleans(),
    ),
    max_size=5,
)


@given(inner=members, outer=members, no_inherit=st.booleans())
@relaxed
def test_dropbox_reads_what_is_inherited_unless_cut(
    world: World, inner: list[dropbox.Member], outer: list[dropbox.Member], no_inherit: bool
) -> None:
    counted = [*inner, *([] if no_inherit else outer)]
    with company(world, PEOPLE) as made:
        made.tell(
            [
                dropbox.readers("inner", inner, parent="outer", no_inherit=no_inherit),
                dropbox.readers("outer", outer),
            ]
        )
        assert made.readers(policy_of("inner")) == {
            m.principal.external_id
            for m in counted
            if not m.is_inherited and m.access_type not in {"traverse", "no_access"}
        }
