"""Managed domains: mail domains in which only the tenant's directory says whose an address is."""

from __future__ import annotations

import re

from django.db import transaction
from django.db.models import Q

from apps import audit
from apps.accounts.models import User
from apps.acls import claims
from apps.acls.claims import Claimed
from apps.acls.errors import AlreadyHeld
from apps.errors import InvalidInput
from apps.tenants.context import required_tenant_id
from apps.tenants.models import ManagedDomain

# Anybody gets an address here, so no company's directory gives these out.
_PUBLIC = """
    163.com 126.com aol.com att.net bluewin.ch btinternet.com comcast.net duck.com fastmail.com
    free.fr gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk
    hotmail.com hotmail.de hotmail.fr icloud.com laposte.net libero.it live.com mac.com mail.com
    mail.ru me.com msn.com naver.com orange.fr outlook.com outlook.de pm.me proton.me
    protonmail.com qq.com rocketmail.com seznam.cz t-online.de tuta.com tutanota.com wanadoo.fr
    web.de wp.pl yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de yahoo.fr yandex.com yandex.ru
    ymail.com zoho.com
"""
PUBLIC_DOMAINS = frozenset(_PUBLIC.split())
_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")


def written(domain: str) -> str:
    """Return a domain as DNS knows it.

    Raises:
        InvalidInput: it is no domain, or a public mail service's.
    """
    asked = domain.strip().lower().removeprefix("@").rstrip(".")
    try:
        found = asked.encode("idna").decode("ascii")
    except UnicodeError:
        found = ""
    if not _DOMAIN.fullmatch(found) or len(found) > 253:
        raise InvalidInput(
            "This is no mail domain.", hint="Write what follows the @, such as example.com."
        )
    if found in PUBLIC_DOMAINS:
        raise InvalidInput(
            f"Anybody can get an address at {found}, so no directory manages it.",
            hint="Only domains whose addresses your own directory gives out can be managed.",
        )
    return found


def checked(domain: str) -> str:
    """Return a domain as DNS knows it, if it can be managed here now.

    Raises:
        AlreadyHeld: it is managed already.
        InvalidInput: it is no domain, or a public mail service's.
    """
    name = written(domain)
    _require_new(name)
    return name


def manage(*, domain: str, actor: User) -> tuple[ManagedDomain, Claimed]:
    """Let addresses in a domain count only from the directory, from this commit on.

    Args:
        domain: with or without @, in any case.
        actor: the IT admin.

    Returns:
        the row, and how many claims began and ended by it.

    Raises:
        AlreadyHeld: it is managed already.
        InvalidInput: it is no domain, or a public mail service's.
    """
    name, tenant_id = written(domain), required_tenant_id()
    with transaction.atomic():
        claims.lock()  # lets one at a time look, too
        _require_new(name)
        made = ManagedDomain.objects.create(
            tenant_id=tenant_id,
            domain=name,
            unicode_domain=name.encode("ascii").decode("idna"),
            created_by=actor,
        )
        claimed = claims.claim_by_verified_email()
        _record("domain.managed", made, claimed, actor)
    return made, claimed


def release(*, managed: ManagedDomain, actor: User) -> Claimed:
    """Let addresses in the domain count again when people verify them themselves."""
    with transaction.atomic():
        claims.lock()
        ManagedDomain.objects.filter(pk=managed.pk).delete()
        claimed = claims.claim_by_verified_email()
        _record("domain.released", managed, claimed, actor)
    return claimed


def is_managed(address: str) -> bool:
    """Return whether only the bound tenant's directory decides about an address."""
    domain = address.strip().lower().rpartition("@")[2]
    found = ManagedDomain.objects.filter(tenant_id=required_tenant_id())
    return found.filter(Q(domain=domain) | Q(unicode_domain=domain)).exists()


def _require_new(name: str) -> None:
    # Of other tenants nothing is said: the answer would tell who else is here.
    if ManagedDomain.objects.filter(tenant_id=required_tenant_id(), domain=name).exists():
        raise AlreadyHeld(f"{name} is managed already.")


def _record(action: str, managed: ManagedDomain, claimed: Claimed, actor: User) -> None:
    audit.record(
        action,
        tenant_id=managed.tenant_id,
        actor_id=actor.pk,
        target=managed,
        domain=managed.domain,
        claims_started=claimed.started,
        claims_ended=claimed.ended,
    )
