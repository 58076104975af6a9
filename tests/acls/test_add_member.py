"""Who counts as a member already when an IT admin adds somebody."""

from __future__ import annotations

from apps.acls.member_admin import NewMemberForm
from apps.tenants.context import tenant_context, user_context
from tests.world import World


def test_only_a_membership_of_this_tenant_makes_somebody_a_member_already(world: World) -> None:
    asked = {"email": "Ida@acme.example", "role": "member"}
    # Ida acts: her own membership of Acme is visible to her in Umbra, too.
    with user_context(world.ida.pk), tenant_context(world.umbra):
        assert NewMemberForm(asked).is_valid()
    with user_context(world.ida.pk), tenant_context(world.acme):
        assert "member already" in str(NewMemberForm(asked).errors)
