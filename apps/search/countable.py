"""Which documents may be counted, or named in passing, for a person: a part of what they may read.

Left out are documents whose source has to be asked each time (`documents.live`): nobody waits for
a source to count. Canaries are nobody's to read, and are left out by name besides.
"""

from __future__ import annotations

from typing import Final

from apps.acls.freshness import COUNTS_UNTIL
from apps.connections.models import CANARY_KIND, WhenStale
from apps.documents.scope import IS_READABLE_DOCUMENT

# Computed once per statement; a source about which this is neither true nor false is left out.
_SOURCES = f"""ARRAY(SELECT source.id FROM connections_connection source
    WHERE source.tenant_id = %(tenant_id)s AND source.kind <> '{CANARY_KIND}'
        AND NOT (source.when_stale = '{WhenStale.CHECK.value}'
            AND (source.permissions_confirmed_at IS NULL
                OR {COUNTS_UNTIL} <= statement_timestamp())))"""  # noqa: S608  constants

# Belongs into the WHERE of a guarded statement over documents_document d, as IS_READABLE_DOCUMENT.
IS_COUNTABLE: Final = f"{IS_READABLE_DOCUMENT} AND d.connection_id = ANY ({_SOURCES})"
