"""`up --folder`: connect one folder, readable by all members of a tenant."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.db import transaction

from apps.connections import create
from apps.connections.models import Connection
from apps.connections.providers.file_share import location, tenant_roots
from apps.errors import KenwardError
from apps.ops import sample
from apps.ops.errors import CannotStart
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant


def check(folder: Path, data_dir: Path) -> None:
    """Prove that the folder can be read and is not Kenward's own.

    Raises:
        CannotStart: it cannot be connected; the message says why.
    """
    if not folder.is_dir():
        raise CannotStart(f"There is no folder {folder}.", hint="Correct the path after --folder.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise CannotStart(
            f"The folder {folder} cannot be read by this user.", hint="Change its rights."
        )
    own, wanted = data_dir.resolve(), folder.resolve()
    if own == wanted or own in wanted.parents or wanted in own.parents:
        raise CannotStart(
            f"The folder {folder} holds Kenward's own data, or lies inside it.",
            hint=f"Choose a folder apart from {own}.",
        )


def connect(folder: Path, *, tenant_slug: str = "") -> str:
    """Allow the folder to this tenant alone, and connect it unless it is connected already.

    Args:
        folder: absolute path, checked.
        tenant_slug: the tenant; empty means the first sample tenant, or else the only one.

    Returns:
        one line that says what was connected and who may read it.

    Raises:
        CannotStart: there is no such tenant.
    """
    tenant = _tenant(tenant_slug)
    # As it is stored: a link is followed once, so that it leads nowhere else later.
    path = location.resolved(str(folder))
    tenant_roots.remember(Path(settings.KENWARD_DATA_DIR), Path(path), tenant.slug)
    with tenant_context(tenant), transaction.atomic():
        found = Connection.objects.filter(kind="file_share", settings__path=path).first()
        if found is None:
            _create(folder, tenant)
    audience = f"all members of {tenant.name} ({tenant.slug})"
    if found is None:
        return f"connected {folder}: {audience} may read it"
    if found.settings.get("access") == "all_members":
        return f"{folder} is connected already: {audience} may read it"
    return f"{folder} is connected already, as {found.name}: its own rules say who may read it"


def _create(folder: Path, tenant: Tenant) -> None:
    try:
        create.create(
            tenant=tenant,
            actor=None,
            kind="file_share",
            name=str(folder)[-200:],
            settings={"path": str(folder), "access": "all_members"},
        )
    except KenwardError as error:
        raise CannotStart(
            f"The folder {folder} cannot be connected: {error.message}", hint=error.hint
        ) from error


def _tenant(slug: str) -> Tenant:
    tenants = list(Tenant.objects.filter(is_active=True).order_by("pk"))
    wanted = [slug] if slug else sample.slugs()
    for name in wanted:
        for tenant in tenants:
            if tenant.slug == name:
                return tenant
    if not slug and len(tenants) == 1:
        return tenants[0]
    raise CannotStart(
        f"There is no tenant {slug}." if slug else "It is not clear which tenant gets the folder.",
        hint=f"Name one with --tenant: {', '.join(t.slug for t in tenants) or 'there is none'}.",
    )
