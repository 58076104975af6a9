"""How long permissions count: until when a source's own word is new enough to let anybody in.

A confirmation is a complete look at who may read what, dated from before the source was asked. The
conditions below stand in every statement that decides; nothing has to be written for one to lapse.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection as database
from django.utils import timezone

from apps.acls.models import Placement
from apps.connections import ages
from apps.connections.models import Connection, WhenStale
from apps.tenants.context import required_tenant_id

# While the scheduler has not looked after a tenant for so long, nothing of it counts as fresh.
UNATTENDED_AFTER: Final = timedelta(minutes=15)
# A scheduler that was away for longer was stopped: everything is confirmed anew before it is shown.
STOPPED_AFTER: Final = timedelta(minutes=1)
# How often the scheduler writes that it was there.
STAMPED_EVERY: Final = timedelta(seconds=10)

# SQL over `source` (connections_connection) and `place` (acls_placement).
COUNTS_UNTIL: Final = (
    "source.permissions_confirmed_at + make_interval(secs => source.permissions_max_age_s)"
)
ATTENDED_UNTIL: Final = (
    f"place.attended_at + interval '{int(UNATTENDED_AFTER.total_seconds())} seconds'"
)
# Age alone does not close a source that is asked each time instead (documents/live.py).
IS_STALE: Final = f"""(source.permissions_confirmed_at IS NULL
        OR source.when_stale <> '{WhenStale.CHECK.value}'
            AND {COUNTS_UNTIL} <= statement_timestamp()
        OR {ATTENDED_UNTIL} <= statement_timestamp())"""

# Never backwards, never ahead of the clock, never by what was seen before a stop, and not for what
# was disconnected while its last run was under way.
_CONFIRM = """
UPDATE connections_connection source
SET permissions_confirmed_at = least(%(observed_at)s, statement_timestamp())
WHERE source.tenant_id = %(tenant)s AND source.id = %(connection)s
    AND source.state <> 'disconnected'
    AND NOT EXISTS (SELECT FROM acls_placement place
        WHERE place.tenant_id = source.tenant_id AND place.resumed_at > %(observed_at)s)
    AND (source.permissions_confirmed_at IS NULL
        OR source.permissions_confirmed_at < least(%(observed_at)s, statement_timestamp()))
"""

# The row is locked first: of two schedulers one finds the gap.
_ATTEND = """
WITH before AS (
    SELECT id, attended_at + %(stopped_after)s <= statement_timestamp() AS stopped
    FROM acls_placement
    WHERE tenant_id = %(tenant)s AND attended_at + %(every)s <= statement_timestamp()
    FOR UPDATE
)
UPDATE acls_placement place
SET attended_at = statement_timestamp(),
    resumed_at = CASE WHEN before.stopped THEN statement_timestamp() ELSE place.resumed_at END
FROM before WHERE place.tenant_id = %(tenant)s AND place.id = before.id
RETURNING before.stopped
"""

# Only somebody who has been there all the time: a gap is for the scheduler to find.
_STAY = """
UPDATE acls_placement SET attended_at = statement_timestamp()
WHERE tenant_id = %(tenant)s AND attended_at + %(every)s <= statement_timestamp()
    AND attended_at + %(stopped_after)s > statement_timestamp()
"""


def confirm(connection: Connection, observed_at: datetime) -> None:
    """Note that all permissions of a connection were what is stored, when the source was asked.

    Args:
        connection: of the bound tenant.
        observed_at: from before the first request to the source was sent.
    """
    params: dict[str, Any] = {
        "tenant": required_tenant_id(),
        "connection": connection.pk,
        "observed_at": observed_at,
    }
    with database.cursor() as cursor:
        cursor.execute(_CONFIRM, params)


def attend() -> bool:
    """Note that the scheduler looks after the bound tenant; return whether it had been stopped.

    After a stop nothing counts as confirmed any more. Belongs into one transaction with asking for
    the permissions anew.
    """
    with database.cursor() as cursor:
        cursor.execute(_ATTEND, _attendance())
        found = cursor.fetchone()
    was_stopped = bool(found and found[0])
    if was_stopped:
        confirmed = Connection.objects.filter(permissions_confirmed_at__isnull=False)
        confirmed.update(permissions_confirmed_at=None)
    return was_stopped


def stay() -> None:
    """Note that somebody is at work for the bound tenant, though the scheduler may be kept busy."""
    with database.cursor() as cursor:
        cursor.execute(_STAY, _attendance())


def counts_until(connection: Connection) -> datetime | None:
    """Return until when the permissions count if nothing confirms them; None if they do not."""
    lapses = ages.lapses_at(connection)
    return lapses if lapses and lapses > timezone.now() else None


def is_fresh(connection: Connection) -> bool:
    """Return whether a connection's permissions count now, and somebody looks after its tenant."""
    if counts_until(connection) is None:
        return False
    since = timezone.now() - STOPPED_AFTER
    return Placement.objects.filter(tenant_id=connection.tenant_id, attended_at__gt=since).exists()


def _attendance() -> dict[str, Any]:
    return {
        "tenant": required_tenant_id(),
        "every": STAMPED_EVERY,
        "stopped_after": STOPPED_AFTER,
    }
