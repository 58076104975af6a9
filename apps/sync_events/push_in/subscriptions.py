"""Keeps the sources' agreements to send word alive: asked for, renewed before they end, ended."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from apps.connections.errors import ConnectorError, RateLimited, SourceUnavailable
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
# How long one connection may take at a time (seconds).
_TURN_S = 30.0
# After so many the source is not asked further this time.
_MOST_REFUSALS = 20


def keep(source: Connection) -> int:
    """Ask for what is missing or ends soon, and end what is watched no more; return how many.

    A source that refuses is polled all the same; an event says so, once a day. What takes too long
    is left to the next time.

    Args:
        source: an active connection, with its tenant; no transaction is open.
    """
    address = address_of(source)
    if not address:
        return 0
    done = 0
    try:
        connector = recall.connector_for(source)
        if isinstance(connector, Subscribes):
            for _ in _kept(source, connector, address, ends_at=time.monotonic() + _TURN_S):
                done += 1
    except ConnectorError as error:
        if cache.add(f"push-refused:{source.uuid}", 1, timeout=_TOLD_EVERY_S):
            with transaction.atomic():
                problem = Problem("", error.code, error.message, error.hint, is_error=False)
                events.record(source, problem, run=None)
    return done


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
                _end(connector, one)
    except ConnectorError as error:  # they end by themselves, and their deliveries are refused
        log.info("subscriptions of %s are left to end: %s", source.uuid, error.code)


def _kept(
    source: Connection, connector: Subscribes, address: str, *, ends_at: float
) -> Iterator[str]:
    """Yield the name of each agreement that is made or ended.

    Raises:
        ConnectorError: what the source said to one of them; all others were asked for.
    """
    rows = _expected(source, connector.subscription_names())
    refused: list[ConnectorError] = []
    for name, row in rows.wanted.items():
        if time.monotonic() > ends_at or len(refused) == _MOST_REFUSALS:
            break
        if not _ends_soon(row):
            continue
        try:
            _renew(connector, row, address)
        except (RateLimited, SourceUnavailable):
            raise
        except ConnectorError as error:
            refused.append(error)
            continue
        yield name
    for row in rows.unwanted:
        _end(connector, row)
        with transaction.atomic():
            PushSubscription.objects.filter(pk=row.pk).delete()
        yield row.name
    if refused:
        raise refused[0]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The agreements of a connection: by what is watched, and of what is watched no more."""

    wanted: dict[str, PushSubscription]
    unwanted: list[PushSubscription]


def _expected(source: Connection, names: Sequence[str]) -> _Rows:
    """Note what is to be asked for before it is: a source sends word while it still answers.

    All agreements of a connection share one secret.
    """
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=source.pk)
        kept = {one.name: one for one in PushSubscription.objects.filter(connection=source)}
        secret = next((one.secret for one in kept.values()), "") or secrets.token_urlsafe(32)
        missing = [
            PushSubscription(
                tenant_id=source.tenant_id,
                connection=source,
                name=name,
                secret=secret,
                expires_at=timezone.now(),
            )
            for name in names
            if name not in kept
        ]
        PushSubscription.objects.bulk_create(missing)
    kept |= {one.name: one for one in missing}
    wanted = {name: kept.pop(name) for name in names}
    return _Rows(wanted, list(kept.values()))


def _renew(connector: Subscribes, row: PushSubscription, address: str) -> None:
    """Ask for a new one, and end the old one after it: nothing is missed in between."""
    told = connector.subscribe(row.name, address=address, secret=row.secret)
    with transaction.atomic():
        kept = PushSubscription.objects.filter(pk=row.pk).update(
            source_id=told.id,
            resource_id=told.resource_id,
            made_at=timezone.now(),
            expires_at=told.expires_at,
        )
    if not kept:  # the connection was ended meanwhile
        connector.unsubscribe(told)
    _end(connector, row)


def _end(connector: Subscribes, row: PushSubscription) -> None:
    """End an agreement, if there ever was one."""
    if row.source_id:
        connector.unsubscribe(
            Subscription(row.name, row.source_id, row.resource_id, row.expires_at)
        )


def _ends_soon(one: PushSubscription) -> bool:
    left = one.expires_at - timezone.now()
    return left < RENEWED_BEFORE and left < (one.expires_at - one.made_at) * _SHARE_LEFT
