"""Takes word from a source that something has changed. Word is a hint: the source is asked."""

from __future__ import annotations

import hashlib

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from apps import audit
from apps.connections import providers
from apps.connections.credentials.models import Credential, CredentialState
from apps.connections.errors import CredentialsRejected, PushRefused
from apps.connections.models import Connection, ConnectionState
from apps.connections.protocol import Delivery, Problem, Push, ReceivesPush
from apps.sync_events import events, log_positions, runs, schedule, tasks
from apps.sync_events.models import Lane, PushSubscription, SyncRun

# For how long a delivery is known, so that it is worked on once (seconds). Signed ones are refused
# after minutes; this holds for those that carry no time.
REMEMBERED_S = 24 * 3600
# More names than this in one delivery are a reason to read the logs, or to list everything.
MOST_NAMES = 500


def receive(source: Connection, delivery: Delivery) -> str:
    """Verify a delivery, and queue what it asks to be looked at; needs the bound tenant.

    Args:
        source: the connection whose address it came to.
        delivery: as it came.

    Returns:
        what the source expects to read back.

    Raises:
        PushRefused: it is not from the source, is too old, or this source sends none.
    """
    push = _verified(source, delivery)
    if push.answer or not _is_new(source, push):
        return push.answer
    with transaction.atomic():
        Connection.objects.filter(pk=source.pk).update(pushed_at=timezone.now())
        if push.is_revoked:
            _stop(source)
        elif source.state == ConnectionState.ACTIVE:
            for run in _requested(source, push):
                tasks.send_run(source.tenant_id, run.pk, run.lane)
    return ""


def _verified(source: Connection, delivery: Delivery) -> Push:
    provider = providers.remote(source.kind)
    if provider is None or not issubclass(provider, ReceivesPush):
        raise PushRefused("This source sends no word of changes.")
    refusal = PushRefused("Nothing here expects a delivery.")
    for secret in _secrets(source):
        try:
            return provider.received(delivery, secret)
        except PushRefused as error:
            refusal = error
    raise refusal


def _secrets(source: Connection) -> list[str]:
    """Return what a delivery may be signed with: the client's secret, or the subscriptions'."""
    with transaction.atomic():
        account = Credential.objects.select_related("config").filter(connection=source).first()
        if account is None or account.state == CredentialState.REVOKED:
            return []
        # One secret for all of a connection's, see `subscriptions`.
        subscribed = PushSubscription.objects.filter(connection=source).first()
    agreed = subscribed.secret if subscribed is not None else ""
    return [secret for secret in (account.config.signing_secret, agreed) if secret]


def _is_new(source: Connection, push: Push) -> bool:
    name = hashlib.sha256(push.id.encode()).hexdigest()  # the source may put anything into it
    key = f"push:{source.uuid}:{name}"
    return not push.id or cache.add(key, 1, timeout=REMEMBERED_S)


def _requested(source: Connection, push: Push) -> list[SyncRun]:
    """Queue runs; all in the lane of permissions, since any word may mean that access was lost."""
    wanted = []
    if push.permissions or len(push.external_ids) > MOST_NAMES:
        wanted.append(schedule.request_permissions(source, trigger=SyncRun.Trigger.CHANGE))
    if push.external_ids:
        names = push.external_ids[:MOST_NAMES]
        wanted.append(runs.note_changes(source, names, lane=Lane.PERMISSIONS))
    elif push.follows:
        log_positions.tell(source, _log_of(source, push))
        wanted.append(runs.request(source, Lane.PERMISSIONS, trigger=SyncRun.Trigger.CHANGE))
    return wanted


def _log_of(source: Connection, push: Push) -> str:
    """Return the log that has something new; empty where it is not known, and all may have."""
    if not push.subscription:
        return ""
    known = PushSubscription.objects.filter(connection=source, source_id=push.subscription)
    return known.values_list("name", flat=True).first() or ""


def _stop(source: Connection) -> None:
    """Stop a connection whose grant was withdrawn; what was permitted lapses with its age."""
    error = CredentialsRejected("The source withdrew the grant.", hint="Reconnect it.")
    Credential.objects.filter(connection=source).update(state=CredentialState.REJECTED)
    if Connection.objects.transition(source.pk, ConnectionState.NEEDS_ATTENTION, reason=str(error)):
        events.record(source, Problem("", error.code, error.message, error.hint), run=None)
        audit.record("connection.grant_withdrawn", tenant_id=source.tenant_id, target=source)
