"""What the browser is told of one answer, as numbered JSON frames."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from apps.chat.errors import ChatError
from apps.chat.evidence import Source
from apps.errors import KenwardError, Unavailable

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Frames:
    """Numbers the frames of one answer from 1, so that the browser notices a missing one.

    Args:
        send: hands one frame to the socket; does nothing once that is closed.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._seq = 0
        # The frame that ends the answer is on its way, or was sent.
        self.is_over = False

    async def sources(self, question: str, sources: Iterable[Source]) -> None:
        """Show what the answer will rest on; the question is the one that was searched for."""
        listed = [source.as_json() for source in sources]
        await self._frame("sources", question=question, sources=listed)

    async def token(self, text: str) -> None:
        """Show the next piece of the answer, to be read as plain text."""
        await self._frame("token", text=text)

    async def done(
        self,
        *,
        message: str,
        html: str,
        outcome: str,
        notice: str,
        cited: Sequence[int],
        conversation: dict[str, str],
    ) -> None:
        """Replace what was streamed by the finished answer.

        Args:
            message: uuid of the stored answer.
            html: sanitised.
            outcome: answered, nothing_found or stopped.
            notice: a remark beside the answer, or empty.
            cited: numbers of the sources that the answer names.
            conversation: its uuid and title.
        """
        await self._frame(
            "done",
            message=message,
            html=html,
            outcome=outcome,
            notice=notice,
            cited=list(cited),
            conversation=conversation,
        )

    async def error(self, error: KenwardError) -> None:
        """Say that there is no answer, why, and whether asking again may help."""
        await self._frame(
            "error",
            code=error.code,
            message=error.message,
            hint=error.hint,
            retryable=_is_retryable(error),
        )

    async def _frame(self, kind: str, **content: Any) -> None:
        self._seq += 1
        self.is_over = kind in {"done", "error"}
        await self._send({"type": kind, "seq": self._seq, **content})


def _is_retryable(error: KenwardError) -> bool:
    return error.is_retryable if isinstance(error, ChatError) else isinstance(error, Unavailable)
