"""The sample company: documents copied out of the repository, people with generated passwords."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction

from apps.accounts.models import User
from apps.connections import create
from apps.connections.models import Connection
from apps.ops.errors import CannotStart
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Tenant

# Without the characters that are mistaken for one another; three groups of four hold 58 bits.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class SignIn:
    """What a person of the sample company types in. Only its hash is stored."""

    email: str
    password: str
    role: str
    tenant: str


def folder(data_dir: Path) -> Path:
    """Return where the sample company's documents lie, free to be changed."""
    return data_dir / "sample"


def connection_name(tenant: Tenant) -> str:
    """Return what the folder of a sample tenant is called."""
    return f"{tenant.name} folder"


def slugs() -> list[str]:
    """Return the slugs of the sample tenants, the first one first."""
    return [str(tenant["slug"]) for tenant in _people()]


def load(data_dir: Path) -> list[SignIn]:
    """Create the sample tenants, their people and one folder connection each.

    Running it again leaves what exists as it is.

    Returns:
        the sign-ins of the memberships that were created.
    """
    _copy(folder(data_dir))
    passwords: dict[str, str] = {}
    with transaction.atomic():
        return [
            signin
            for entry in _people()
            for signin in _create_tenant(entry, folder(data_dir), passwords)
        ]


def reset_passwords() -> list[SignIn]:
    """Give every person of the sample tenants a new password.

    Returns:
        one sign-in per membership; empty when the sample company was never loaded.
    """
    passwords: dict[str, str] = {}
    signins = []
    with transaction.atomic():
        for entry in _people():
            emails = [person["email"] for person in entry["people"]]
            tenant = Tenant.objects.filter(slug=entry["slug"]).first()
            if tenant is None:
                continue
            with tenant_context(tenant):
                memberships = Membership.objects.filter(tenant=tenant, user__email__in=emails)
                for membership in memberships.select_related("user").order_by("pk"):
                    password = _password_for(membership.user, passwords)
                    signins.append(
                        SignIn(membership.user.email, password, membership.role, tenant.slug)
                    )
    return signins


def table(signins: Sequence[SignIn]) -> list[str]:
    """Return the sign-ins as aligned lines under a heading; none for none."""
    if not signins:
        return []
    rows = [("e-mail", "password", "role", "tenant")]
    rows += [(each.email, each.password, each.role, each.tenant) for each in signins]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    note = "The sample company's sign-ins, shown once (./kenward sample_passwords --reset):"
    return ["", note, "", *(f"  {line.rstrip()}" for line in lines), ""]


def _people() -> list[dict[str, Any]]:
    path = _examples() / "people.yaml"
    try:
        return list(yaml.safe_load(path.read_text(encoding="utf-8"))["tenants"])
    except FileNotFoundError as error:
        raise CannotStart(
            f"The sample company is missing: there is no {path}.", hint="Start with --no-sample."
        ) from error


def _examples() -> Path:
    return Path(settings.BASE_DIR) / "examples"


def _copy(target: Path) -> None:
    """Copy the documents, unless an earlier run did; a copy that was cut off is made anew."""
    if target.exists():
        return
    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(_examples(), unfinished)
    unfinished.chmod(0o700)
    unfinished.replace(target)


def _create_tenant(
    entry: dict[str, Any], documents: Path, passwords: dict[str, str]
) -> Iterator[SignIn]:
    tenant, _ = Tenant.objects.get_or_create(slug=entry["slug"], defaults={"name": entry["name"]})
    with tenant_context(tenant):
        yield from _create_people(tenant, entry["people"], passwords)
        name = connection_name(tenant)
        if not Connection.objects.filter(name=name).exists():
            create.create(
                tenant=tenant,
                actor=None,
                kind="file_share",
                name=name,
                settings={"path": str(documents / entry["folder"]), "access": "manifest"},
            )


def _create_people(
    tenant: Tenant, people: Iterable[dict[str, Any]], passwords: dict[str, str]
) -> Iterator[SignIn]:
    for person in people:
        user, _ = User.objects.get_or_create(
            email=person["email"].lower(), defaults={"name": person["name"]}
        )
        EmailAddress.objects.get_or_create(
            user=user, email=user.email, defaults={"verified": True, "primary": True}
        )
        _, is_new = Membership.objects.get_or_create(
            tenant=tenant, user=user, defaults={"role": person["role"]}
        )
        if is_new:
            yield SignIn(user.email, _password_for(user, passwords), person["role"], tenant.slug)


def _password_for(user: User, passwords: dict[str, str]) -> str:
    """Set a new password, the same one for all memberships of a person."""
    if user.email not in passwords:
        groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
        passwords[user.email] = "-".join(groups)
        user.set_password(passwords[user.email])
        user.save(update_fields=["password"])
    return passwords[user.email]
