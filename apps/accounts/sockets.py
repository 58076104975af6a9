"""Which sockets belong to a session, so that signing out ends them at once."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis import RedisError

logger = logging.getLogger(__name__)


def group_of(session_key: str) -> str:
    """Return the name of the group of a session's sockets; the key itself stays secret."""
    return f"session-{hashlib.sha256(session_key.encode()).hexdigest()}"


def end_after_sign_out(*, request: Any, **_signal: Any) -> None:
    """Close the sockets of a session that is being signed out."""
    session_key = getattr(getattr(request, "session", None), "session_key", None)
    layer = get_channel_layer()
    if not session_key or layer is None:
        return
    try:
        async_to_sync(layer.group_send)(group_of(session_key), {"type": "session.ended"})
    except (RedisError, OSError) as error:
        # The next question finds the session gone anyway.
        logger.warning("sockets of a session that was signed out stay open: %r", error)
