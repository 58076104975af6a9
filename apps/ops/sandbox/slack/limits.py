"""What Slack grants apps that are sold outside its Marketplace: history by the spoonful.

Source: https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
"""

from __future__ import annotations

import math

from apps.ops.sandbox.slack.state import State

LIMITED = frozenset({"conversations.history", "conversations.replies"})
MOST_ITEMS = 15
_BETWEEN_CALLS_S = 60.0


class CallLimits:
    """Counts the calls of the methods that are limited for commercially distributed apps."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._last: dict[str, float] = {}

    def wait_s(self, method: str) -> int:
        """Return how long a call has to wait, in whole seconds; 0 lets it through and counts it."""
        if method not in LIMITED or not self._state.app.is_distributed:
            return 0
        now = self._state.clock.now()
        free_at = self._last.get(method, -math.inf) + _BETWEEN_CALLS_S
        if now < free_at:
            return math.ceil(free_at - now)
        self._last[method] = now
        return 0
