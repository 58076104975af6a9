"""Sources' ids as they fit into an index."""

from __future__ import annotations

import hashlib

MAX_LABEL = 500

# An index row holds about 2,700 bytes; tenant, realm and kind need some of them.
_LONGEST_BYTES = 500


def key(external_id: str) -> str:
    """Return the id itself or, where it is too long, its beginning and a digest of the whole."""
    if len(external_id.encode()) <= _LONGEST_BYTES:
        return external_id
    digest = hashlib.sha256(external_id.encode()).hexdigest()
    return f"{external_id[:100]}…{digest}"
