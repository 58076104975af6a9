"""Disconnects accounts: the grant is withdrawn, the secret deleted, the documents hidden at once.

`sync_events.accounts.ending` is the way in: it also ends what runs and what the source was asked
to send. What is deleted of the documents, `documents.data_deletion` deletes.
"""

from __future__ import annotations

import json
import logging
from enum import StrEnum

from django.db import transaction

from apps import audit
from apps.accounts.models import User
from apps.connections import connect, providers
from apps.connections.credentials.models import AuthMethod, Credential, CredentialState
from apps.connections.credentials.oauth import Client
from apps.connections.errors import ConnectorError
from apps.connections.models import Connection, ConnectionState

log = logging.getLogger(__name__)


class Withdrawal(StrEnum):
    """What became of the grant at the source."""

    DONE = "done"
    FAILED = "failed"
    NOT_OFFERED = "not_offered"  # the source has no way to be told
    STILL_USED = "still_used"  # another connection lives by the same grant


def withdraw(connection: Connection) -> Withdrawal:
    """Ask the source to end the grant of a connection's account; a failure ends nothing else.

    To be called outside of what has to hold together: it asks over the network.
    """
    credential = Credential.objects.select_related("config").filter(connection=connection).first()
    if credential is None or not credential.secret:
        return Withdrawal.DONE
    provider = providers.remote(connection.kind)
    if provider is None or credential.config.method != AuthMethod.OAUTH:
        return Withdrawal.NOT_OFFERED
    if connect.is_shared_elsewhere(credential):
        return Withdrawal.STILL_USED
    held = json.loads(credential.secret)
    token = held.get("refresh_token") or held["access_token"]
    try:
        was_told = Client(credential.config, provider.sign_in).revoke(token)
    except ConnectorError as error:
        log.warning("connection %s: the grant was not withdrawn: %s", connection.pk, error.code)
        return Withdrawal.FAILED
    return Withdrawal.DONE if was_told else Withdrawal.NOT_OFFERED


def close(connection: Connection, *, actor: User | None, withdrawal: Withdrawal) -> bool:
    """Delete the secret, hide the documents and end the connection; return whether it was open.

    Documents count as unconfirmed from this commit on, so nobody finds or opens them.

    Args:
        connection: of the bound tenant.
        actor: who disconnects it.
        withdrawal: what became of the grant; kept in the audit trail.
    """
    with transaction.atomic():
        was_open = Connection.objects.transition(
            connection.pk, ConnectionState.DISCONNECTED, reason=reason_for(withdrawal)
        )
        Credential.objects.filter(connection=connection).update(
            secret="", state=CredentialState.REVOKED, expires_at=None
        )
        Connection.objects.filter(pk=connection.pk).update(
            permissions_confirmed_at=None, paused_by_delegate=False
        )
        if was_open:
            audit.record(
                "connection.disconnected",
                tenant_id=connection.tenant_id,
                actor_id=actor.pk if actor else None,
                target=connection,
                withdrawal=withdrawal,
            )
    connection.refresh_from_db()
    return was_open


def reason_for(withdrawal: Withdrawal) -> str:
    """Return what to know about the grant after a connection was ended; mostly nothing."""
    if withdrawal == Withdrawal.FAILED:
        return "The source did not confirm that it took back the grant: remove Kenward there, too."
    if withdrawal == Withdrawal.NOT_OFFERED:
        return "Remove Kenward at the source, too: it cannot be told from here."
    if withdrawal == Withdrawal.STILL_USED:
        return "The grant at the source stays: another connection uses the same account."
    return ""
