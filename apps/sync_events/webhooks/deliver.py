"""Delivers what waits for one endpoint. The reading page: claim, send, settle, again.

One delivery of an endpoint is under way at a time, and an endpoint keeps a worker for a moment
only, so that one that is slow delays no other. Whoever dies while sending has its claim lapse, and
the message is sent again with the same id: each is told at least once, in no promised order.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import SystemRandom

import httpx2
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from apps.sync_events.webhooks import endpoints, sign
from apps.sync_events.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from apps.tenants import network
from apps.tenants.encryption import Undecipherable

log = logging.getLogger(__name__)

# How long one try may take altogether, and after how long its worker counts as dead (seconds).
TRY_S = 10.0
LEASE = timedelta(seconds=60)
# After this long a worker turns to the next endpoint (seconds).
SLICE_S = 2.0
# Waiting time after the first, second, … try (seconds): eight tries within a good 27 hours.
BACK_OFF_S = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
# Receivers that came back are not asked by everybody at once.
_JITTER = 0.2
_GONE = 410
_random = SystemRandom()

# A host that is not public and one that does not answer read alike: nobody scans our network.
_NO_CONNECTION = "No connection: the host needs public addresses and has to answer."


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours until its lease ends."""

    delivery_id: int
    endpoint_id: int
    claimed_at: datetime
    attempts: int
    message_id: str
    body: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try: the status of the answer, or why there is none."""

    status: int | None
    error: str = ""

    @property
    def is_delivered(self) -> bool:
        """Return whether the receiver has taken the message."""
        return self.status is not None and 200 <= self.status < 300


def work(endpoint_id: int) -> bool:
    """Deliver what is due at one endpoint, for a moment.

    Needs a bound tenant and no open transaction: none is open while a receiver is waited for.

    Returns:
        whether more is due.
    """
    ends_at = time.monotonic() + SLICE_S
    with network.client(read_s=TRY_S, lifetime_s=TRY_S) as client:
        while (claimed := claim(endpoint_id)) is not None:
            settle(claimed, send(client, claimed))
            if time.monotonic() > ends_at:
                return endpoint_id in due_endpoints()
    return False


def due_endpoints() -> list[int]:
    """Return the active endpoints at which something is due and nobody is at work."""
    now = timezone.now()
    mine = _pending().filter(endpoint=OuterRef("pk"))
    with transaction.atomic():
        found = WebhookEndpoint.objects.filter(
            Exists(mine.filter(next_at__lte=now)),
            ~Exists(mine.filter(claimed_at__gt=now - LEASE)),
            is_active=True,
        )
        return list(found.order_by("pk").values_list("pk", flat=True))


def claim(endpoint_id: int) -> Claimed | None:
    """Take the delivery of an endpoint that has been due the longest.

    Returns:
        None when nothing is due, the endpoint is disabled, or somebody is at work for it.
    """
    now = timezone.now()
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id, is_active=True)
        # The lock keeps two workers from beginning at once; it ends before anything is sent.
        locked = endpoint.select_for_update(no_key=True, skip_locked=True)
        if locked.values_list("pk", flat=True).first() is None:
            return None
        pending = _pending().filter(endpoint_id=endpoint_id)
        if pending.filter(claimed_at__gt=now - LEASE).exists():
            return None
        due = pending.filter(next_at__lte=now).select_related("message")
        chosen = due.order_by("next_at", "pk").first()
        if chosen is None:
            return None
        pending.filter(pk=chosen.pk).update(claimed_at=now, attempts=F("attempts") + 1)
    return Claimed(
        delivery_id=chosen.pk,
        endpoint_id=endpoint_id,
        claimed_at=now,
        attempts=chosen.attempts + 1,
        message_id=str(chosen.message.uuid),
        body=json.dumps(chosen.message.payload, ensure_ascii=False, separators=(",", ":")),
    )


def send(client: httpx2.Client, claimed: Claimed) -> Outcome:
    """Send a message once; the answer's body is not read, and no redirect is followed."""
    try:
        with transaction.atomic():
            endpoint = WebhookEndpoint.objects.defer(None).get(pk=claimed.endpoint_id)
        now = timezone.now()
        told = sign.headers(claimed.message_id, now, claimed.body, endpoint.secrets(now))
        told |= {"content-type": "application/json", "user-agent": "Kenward-Webhooks/1"}
        content = claimed.body.encode()
        with client.stream("POST", endpoint.url, content=content, headers=told) as answer:
            return Outcome(answer.status_code, _of_status(answer))
    except Undecipherable:
        return Outcome(None, "The stored secret cannot be read: rotate it.")
    except (network.DestinationRefused, httpx2.ConnectError) as error:
        return Outcome(None, _TLS if _is_of_tls(error) else _NO_CONNECTION)
    except httpx2.TimeoutException:
        return Outcome(None, f"No answer within {TRY_S:.0f} seconds.")
    except httpx2.HTTPError:
        return Outcome(None, "The connection broke, or the answer is none of HTTP.")


def settle(claimed: Claimed, outcome: Outcome) -> None:
    """Write down what became of a try, unless the claim does not hold any more."""
    now = timezone.now()
    is_dead = outcome.status == _GONE or claimed.attempts > len(BACK_OFF_S)
    told: dict[str, object] = {
        "claimed_at": None, "last_status": outcome.status, "last_error": outcome.error
    }  # fmt: skip
    if outcome.is_delivered:
        told |= {"state": DeliveryState.DELIVERED, "delivered_at": now, "next_at": None}
    elif is_dead:
        told |= {"state": DeliveryState.DEAD, "next_at": None}
    else:
        told |= {"next_at": now + wait(claimed.attempts)}
    with transaction.atomic():
        held = _pending().filter(pk=claimed.delivery_id, claimed_at=claimed.claimed_at)
        if not held.update(**told):
            return
        if is_dead and not outcome.is_delivered:
            log.warning("webhook delivery %s is dead: %s", claimed.delivery_id, outcome.error)
        if outcome.status == _GONE:
            endpoints.disable(claimed.endpoint_id, reason="It answered that it is gone (410).")


def wait(attempts: int) -> timedelta:
    """Return how long to wait after so many tries, a little longer each time for each."""
    longest = BACK_OFF_S[attempts - 1]
    return timedelta(seconds=longest * (1 + _JITTER * _random.random()))


def _pending() -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(state=DeliveryState.PENDING)


_TLS = "No connection: the certificate or the encryption of the host cannot be trusted."


def _of_status(answer: httpx2.Response) -> str:
    if answer.is_success:
        return ""
    if answer.has_redirect_location:
        return f"It answered {answer.status_code}, a redirect; none is followed."
    return f"It answered {answer.status_code}."


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
