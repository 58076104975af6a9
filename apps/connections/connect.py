"""Connects accounts: the account is looked at, then stored with its connection, and recorded.

A new connection waits (paused) until somebody has chosen what of the account is synced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.connections import providers
from apps.connections.create import require_new_name
from apps.connections.credentials.account import account_with
from apps.connections.credentials.identity import AccountIdentity
from apps.connections.credentials.models import AuthConfig, Credential, CredentialState
from apps.connections.errors import SettingsRejected
from apps.connections.models import Connection, ConnectionState
from apps.connections.protocol import KnowsItsAccount
from apps.errors import InvalidInput

# Why a connection waits whose account was just connected.
CHOOSE = "Choose what to sync."


class AnotherAccount(InvalidInput):
    """Somebody wants to reconnect a connection with an account that is not the one it had.

    Its documents would come under the rules of another account.
    """

    code = "another_account"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a source gave for an account, as fields of a `Credential` (`tokens.stored`).

    Attributes:
        config: by which configuration.
        fields: `secret`, and `expires_at` and `scopes` where the source says them.
    """

    config: AuthConfig
    fields: Mapping[str, Any]


def connect(*, grant: Grant, actor: User, name: str = "", is_own: bool = False) -> Connection:
    """Connect an account as a new connection of the bound tenant.

    Args:
        grant: what the source gave.
        actor: who connects it.
        name: unique in the tenant; left empty, one is made of the kind and the account.
        is_own: whether it is the actor's own account, for them alone.

    Raises:
        ConnectorError: the account does not open the source.
        InvalidInput: another connection has this name, or the actor has connected the account.
    """
    config, uuid = grant.config, uuid4()
    credential = Credential(tenant_id=config.tenant_id, config=config, **grant.fields)
    identity = _looked_at(credential, str(uuid))
    if is_own:
        _require_new_account(actor, config.kind, identity)
    credential.subject = identity.subject[:300]
    with transaction.atomic():
        if name:
            require_new_name(config.tenant, name)
        connection = Connection.objects.create(
            tenant_id=config.tenant_id,
            uuid=uuid,
            kind=config.kind,
            name=name or _free_name(config.kind, identity.subject),
            realm=f"{config.kind}:{uuid}",
            settings=initial_settings(config.kind),
            state=ConnectionState.PAUSED,
            state_reason=CHOOSE,
            owner=actor if is_own else None,
            item_space=identity.item_space[:200],
            created_by=actor,
        )
        credential.connection = connection
        credential.save()
        _record("connection.created", connection, actor, kind=config.kind, is_own=is_own)
        _record("connection.account_connected", connection, actor, method=config.method)
    return connection


def reconnect(*, grant: Grant, actor: User, connection: Connection) -> None:
    """Give a connection a new grant of the account that it had.

    What was stopped for the lack of it is synced again, from a comparison of everything.

    Args:
        grant: what the source gave.
        actor: who reconnects it.
        connection: of the bound tenant, of the configuration's kind.

    Raises:
        AnotherAccount: it is a grant of another account.
        ConnectorError: the account does not open the source.
        InvalidInput: its documents are being deleted just now.
    """
    if connection.kind != grant.config.kind:
        raise SettingsRejected("This is a grant for another kind of source.")
    if connection.data_deletion_at is not None:
        raise InvalidInput(
            "The documents of this connection are being deleted just now.",
            hint="Try again when that is done.",
        )
    credential = Credential(
        tenant_id=connection.tenant_id, config=grant.config, connection=connection, **grant.fields
    )
    identity = _looked_at(credential, str(connection.uuid), connection.settings)
    with transaction.atomic():
        now = Connection.objects.select_for_update().get(pk=connection.pk)
        before = Credential.objects.filter(connection=now).first()
        known = AccountIdentity(before.subject if before else "", now.item_space)
        _require_same(known, identity)
        credential.subject = identity.subject[:300] or known.subject
        if before is not None:
            credential.pk, credential.uuid = before.pk, before.uuid
            credential.created_at, credential.renewed_at = before.created_at, timezone.now()
        credential.save()
        has_run = now.state_reason != CHOOSE
        if not now.item_space:
            now.item_space = identity.item_space[:200]
            now.save(update_fields=["item_space"])
        if has_run and Connection.objects.transition(now.pk, ConnectionState.ACTIVE):
            Connection.objects.filter(pk=now.pk).update(last_swept_at=None)
        _record("connection.account_reconnected", now, actor, method=grant.config.method)
    connection.refresh_from_db()


def is_shared_elsewhere(credential: Credential) -> bool:
    """Return whether another connection lives by the same grant at the source.

    Sources know one grant for each client and account: to withdraw it ends all of them.
    """
    if not credential.subject:
        return False
    others = Credential.objects.filter(
        config__client_id=credential.config.client_id,
        config__kind=credential.config.kind,
        subject__iexact=credential.subject,
        state=CredentialState.VALID,
    )
    return others.exclude(pk=credential.pk).exists()


def initial_settings(kind: str) -> dict[str, Any]:
    """Return what the fields of a kind's form start with; a connector can be made of that."""
    fields = providers.load(kind).settings_form.base_fields
    return {name: field.initial for name, field in fields.items() if field.initial is not None}


def _looked_at(
    credential: Credential, name: str, settings: Mapping[str, Any] | None = None
) -> AccountIdentity:
    """Open the source with a grant, and return whose it is."""
    kind = credential.config.kind
    provider = providers.remote(kind)
    if provider is None:
        raise SettingsRejected("This kind of source needs no account.")
    if not credential.config.is_active:
        raise SettingsRejected("This way to connect accounts is not in use any more.")
    account = account_with(credential, name, provider.sign_in, provider.capabilities)
    connector = provider(settings or initial_settings(kind), account=account)
    connector.check()
    subject = connector.identity() if isinstance(connector, KnowsItsAccount) else ""
    return AccountIdentity(subject, connector.item_space())


def _require_same(known: AccountIdentity, told: AccountIdentity) -> None:
    if not known.may_be(told):
        raise AnotherAccount(
            f"This is another account ({told.subject or 'unnamed'}) than the one that was"
            f" connected ({known.subject or 'unnamed'}).",
            hint="Connect it as a new connection, or sign in at the source as the other account.",
        )


def _require_new_account(owner: User, kind: str, told: AccountIdentity) -> None:
    mine = Credential.objects.filter(connection__owner=owner, config__kind=kind)
    for one in mine.select_related("connection"):
        known = AccountIdentity(one.subject, one.connection.item_space)
        if known == told and told.subject:
            raise InvalidInput(
                f"You have connected this account already, as “{one.connection.name}”.",
                hint="Reconnect it there if it has stopped.",
            )


def _free_name(kind: str, subject: str) -> str:
    base = f"{providers.label_of(kind)} ({subject})" if subject else providers.label_of(kind)
    taken = set(Connection.objects.filter(name__startswith=base).values_list("name", flat=True))
    numbered = (f"{base} {number}" for number in range(2, len(taken) + 3))
    return next(name for name in (base, *numbered) if name not in taken)[:200]


def _record(action: str, connection: Connection, actor: User, **details: Any) -> None:
    audit.record(
        action, tenant_id=connection.tenant_id, actor_id=actor.pk, target=connection, **details
    )
