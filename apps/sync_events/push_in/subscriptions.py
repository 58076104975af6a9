"""Keeps the sources' agreements to send word alive: asked for, renewed before they end, ended."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from apps.connections.errors import ConnectorError
from apps.connections.models import Connection
from apps.connections.protocol import Problem, Subscribes, Subscription
from apps.documents import recall
from apps.sync_events import events
from apps.sync_events.models import PushSubscription
from apps.sync_events.push_in.views import address_of

log = logging.getLogger(__name__)

# A new one is asked for so long before the old one ends: what fails has several more tries.
RENEWED_BEFORE = timedelta(hours=12)
# Of shorter ones, when this share of their life is left.
_SHARE_LEFT = 0.25
_TOLD_EVERY_S = 24 * 3600


def keep(source: Connection) -> int:
    """Ask for what is missing or ends soon, and end what is watched no more; return how many.

    A source that refuses is polled all the same; an event says so, once a day.

    Args:
        source: an active connection, with its tenant; no transaction is open.
    """
    address = address_of(source)
    if not address:
        return 0
    try:
        connector = recall.connector_for(source)
        if not isinstance(connector, Subscribes):
            return 0
        return _keep(source, connector, address)
    except ConnectorError as error:
        if cache.add(f"push-refused:{source.uuid}", 1, timeout=_TOLD_EVERY_S):
            with transaction.atomic():
                problem = Problem("", error.code, error.message, error.hint, is_error=False)
                events.record(source, problem, run=None)
        return 0


def end_all(source: Connection) -> None:
    """End every agreement of a connection, as far as its source still listens."""
    with transaction.atomic():
        kept = list(PushSubscription.objects.filter(connection=source))
        PushSubscription.objects.filter(connection=source).delete()
    if not kept:
        return
    try:
        connector = recall.connector_for(source)
        if isinstance(connector, Subscribes):
            for one in kept:
                connector.unsubscribe(_as_told(one))
    except ConnectorError as error:  # they end by themselves
        log.info("subscriptions of %s are left to end: %s", source.uuid, error.code)


def _keep(source: Connection, connector: Subscribes, address: str) -> int:
    wanted = list(connector.subscription_names())
    with transaction.atomic():
        kept = {one.name: one for one in PushSubscription.objects.filter(connection=source)}
    done = 0
    for name in wanted:
        old = kept.get(name)
        if old is not None and not _ends_soon(old):
            continue
        _renew(source, connector, name, address, old)
        done += 1
    for name in kept.keys() - set(wanted):
        connector.unsubscribe(_as_told(kept[name]))
        with transaction.atomic():
            PushSubscription.objects.filter(pk=kept[name].pk).delete()
        done += 1
    return done


def _renew(
    source: Connection,
    connector: Subscribes,
    name: str,
    address: str,
    old: PushSubscription | None,
) -> None:
    """Ask for a new one, and end the old one after it: nothing is missed in between."""
    secret = old.secret if old is not None else secrets.token_urlsafe(32)
    told = connector.subscribe(name, address=address, secret=secret)
    with transaction.atomic():
        PushSubscription.objects.update_or_create(
            tenant_id=source.tenant_id,
            connection=source,
            name=name,
            defaults={
                "source_id": told.id,
                "resource_id": told.resource_id,
                "secret": secret,
                "expires_at": told.expires_at,
            },
        )
    if old is not None:
        connector.unsubscribe(_as_told(old))


def _ends_soon(one: PushSubscription) -> bool:
    left = one.expires_at - timezone.now()
    return left < RENEWED_BEFORE and left < (one.expires_at - one.made_at) * _SHARE_LEFT


def _as_told(one: PushSubscription) -> Subscription:
    return Subscription(one.name, one.source_id, one.resource_id, one.expires_at)
