"""Guardian's rows are the truth of the ACLs, its shortcuts agree with them, and decide nothing."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.utils import timezone
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm, get_objects_for_user
from hypothesis import given

from apps.accounts.models import User
from apps.acls.models import Acl, Principal
from apps.tenants.context import tenant_context
from tests.acls.oracle import Oracle
from tests.acls.small_worlds import acl, claim, edge, entry, principal
from tests.acls.test_statement_equals_oracle import company, randomness, relaxed
from tests.world import World

CODENAMES = ("view_acl", "deny_acl")


def found_by_guardian(user: User, codename: str) -> set[int]:
    found = get_objects_for_user(
        user, f"acls.{codename}", Acl, with_superuser=False, accept_global_perms=False
    )
    return set(found.values_list("pk", flat=True))


def rows_of(oracle: Oracle, user: User, codename: str) -> set[int]:
    """Return the ACLs with a row on a principal that the person is, itself or by groups."""
    mine = oracle.groups_of(user.pk)
    return {
        place
        for place, entries in oracle.entries.items()
        for row in entries
        if row["group_id"] in mine
        and (row["permission_id"] == oracle.view_id) == (codename == "view_acl")
    }


@given(rng=randomness)
@relaxed
def test_guardian_finds_exactly_the_own_rows_of_every_person(
    world: World, rng: random.Random
) -> None:
    """A row's own times and order, and denials, are beyond guardian: the statement decides."""
    with company(world, rng) as made:
        oracle = Oracle.of(made.tenant.pk, timezone.now())
        for user in made.users:
            for codename in CODENAMES:
                expected = rows_of(oracle, user, codename)
                assert found_by_guardian(user, codename) == expected
                assert found_by_guardian(_as_operator(user), codename) == expected


def test_an_operator_finds_nothing_by_being_one(world: World) -> None:
    with tenant_context(world.acme):
        entry(acl(world.acme), principal(world.acme))
        operator = User.objects.create_superuser("opal@kenward.example")
        for codename in CODENAMES:
            assert found_by_guardian(operator, codename) == set()


def test_an_ended_membership_and_a_buried_group_end_what_guardian_finds(world: World) -> None:
    with tenant_context(world.acme):
        me, group = principal(world.acme, "user"), principal(world.acme)
        claim(world.ada, me)
        row = edge(me, group)
        place = acl(world.acme)
        entry(place, group)
        assert found_by_guardian(world.ada, "view_acl") == {place.pk}
        Principal.objects.filter(pk=group.pk).update(deleted_at=timezone.now())
        assert found_by_guardian(world.ada, "view_acl") == set()
        Principal.objects.filter(pk=group.pk).update(deleted_at=None)
        row.expires_at = timezone.now() - timedelta(seconds=1)
        row.save()
        assert found_by_guardian(world.ada, "view_acl") == set()


@pytest.mark.parametrize("model", [UserObjectPermission, GroupObjectPermission])
def test_guardians_generic_tables_which_know_no_tenant_take_no_row(
    world: World, model: type[UserObjectPermission | GroupObjectPermission]
) -> None:
    with tenant_context(world.acme):
        who = (
            {"user": world.ada}
            if model is UserObjectPermission
            else {"group": principal(world.acme)}
        )
        permission = Permission.objects.get(codename="view_acl")
        with pytest.raises(IntegrityError, match="belong_to_a_tenant"), transaction.atomic():
            model.objects.create(
                permission=permission,
                content_type=permission.content_type,
                object_pk=str(acl(world.acme).pk),
                **who,
            )
        with pytest.raises(IntegrityError, match="belong_to_a_tenant"), transaction.atomic():
            assign_perm("acls.view_acl", world.ada, acl(world.acme))


def _as_operator(user: User) -> User:
    operator: User = User.objects.get(pk=user.pk)
    operator.is_superuser = True
    return operator


# --- No product code decides by guardian ---------------------------------------------------------

ASKING = {
    "get_objects_for_user",
    "get_objects_for_group",
    "get_perms",
    "get_user_perms",
    "get_group_perms",
    "get_perms_for_model",
    "get_users_with_perms",
    "get_groups_with_perms",
    "ObjectPermissionChecker",
    "ObjectPermissionBackend",
}
# Where one of them is called, and why it is not a decision on reading a document.
ALLOWED = {
    ("apps/acls/sharing.py", "get_objects_for_user"): (
        "finds Kenward's own shared objects (collections, connections), with the strict flags"
    ),
}


def _product() -> Iterator[tuple[str, ast.AST]]:
    """Yield (file, node) for all product code; migrations run before anybody asks anything."""
    root = Path(settings.BASE_DIR)
    for folder in ("apps", "config"):
        for file in sorted((root / folder).rglob("*.py")):
            if "migrations" not in file.parts:
                for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                    yield str(file.relative_to(root)), node


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Yield (file, name of what is called, call)."""
    for file, node in _product():
        if isinstance(node, ast.Call):
            yield file, _name(node.func), node


def _name(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def _asks_about_an_object(call: ast.Call) -> bool:
    return len(call.args) > 1 or any(word.arg in ("obj", None) for word in call.keywords)


@pytest.mark.parametrize(
    ("code", "asks"),
    [
        ("user.has_perm('acls.view_acl')", False),
        ("user.has_perm('acls.view_acl', place)", True),
        ("user.has_perm('acls.view_acl', obj=place)", True),
        ("user.has_perm(**asked)", True),
    ],
)
def test_the_walk_tells_a_question_about_an_object_from_one_about_a_role(
    code: str, asks: bool
) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert (_name(call.func), _asks_about_an_object(call)) == ("has_perm", asks)


def test_no_product_code_asks_has_perm_about_an_object() -> None:
    """It knows no denial, expiry or inheritance, and says yes to superusers; roles ask without."""
    calls = [(file, call) for file, name, call in _calls() if name in ("has_perm", "has_perms")]
    assert len(calls) >= 3, "the walk finds the admin's questions about roles"
    asking = [f"{file}:{call.lineno}" for file, call in calls if _asks_about_an_object(call)]
    assert asking == []


def test_only_named_places_ask_guardian() -> None:
    asking = {(file, name) for file, name, _ in _calls() if name in ASKING}
    assert asking == set(ALLOWED)


def test_every_question_to_guardian_carries_the_strict_flags() -> None:
    for file, name, call in _calls():
        if name == "get_objects_for_user":
            flags = {word.arg: word.value for word in call.keywords}
            for flag in ("with_superuser", "accept_global_perms"):
                value = flags.get(flag)
                assert isinstance(value, ast.Constant) and value.value is False, (file, flag)


def test_no_product_code_imports_guardians_checker_or_backend_under_another_name() -> None:
    found = set()
    for file, node in _product():
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("guardian"):
            found |= {(node.module, each.name, each.asname) for each in node.names}
        elif isinstance(node, ast.Import):
            assert not [each for each in node.names if each.name.startswith("guardian")], file
    assert all(asname is None for _, _, asname in found)
    assert {module for module, _, _ in found} <= {
        "guardian.mixins",
        "guardian.models",
        "guardian.shortcuts",
        "guardian.utils",
    }


def test_no_template_asks_guardian() -> None:
    for file in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        text = file.read_text("utf-8")
        assert "guardian_tags" not in text and "get_obj_perms" not in text, file
