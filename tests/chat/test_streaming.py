"""Streams that are gathered into frames, and work that a stop does not tear apart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from apps.chat.streaming import gathered, whole


async def _pieces(count: int, pause_s: float, *, error: bool = False) -> AsyncIterator[str]:
    for number in range(count):
        yield f"{number} "
        await asyncio.sleep(pause_s)
    if error:
        raise ValueError("broken")


async def test_many_small_pieces_become_few_frames_without_loss() -> None:
    frames = [text async for text in gathered(_pieces(100, 0.001), interval_s=0.03)]
    assert "".join(frames) == "".join(f"{number} " for number in range(100))
    assert 3 <= len(frames) <= 20


async def test_first_piece_comes_at_once_and_none_waits_for_the_next() -> None:
    started, seen = time.monotonic(), []
    async for _ in gathered(_pieces(3, 0.2), interval_s=0.03):
        seen.append(time.monotonic() - started)  # noqa: PERF401
    assert seen[0] < 0.1
    assert len(seen) == 3
    assert seen[1] == pytest.approx(0.2, abs=0.1)


async def test_error_comes_after_what_was_said_before_it() -> None:
    said = []
    with pytest.raises(ValueError, match="broken"):
        async for text in gathered(_pieces(3, 0.001, error=True), interval_s=0.01):
            said.append(text)  # noqa: PERF401  the error would lose a comprehension's list
    assert "".join(said) == "0 1 2 "


async def test_source_is_closed_when_nobody_listens_any_more() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[str]:
        try:
            while True:
                yield "x"
                await asyncio.sleep(0.001)
        finally:
            closed.set()

    stream = gathered(endless(), interval_s=0.01)
    await anext(stream)
    await stream.aclose()
    assert closed.is_set()


async def test_work_is_finished_although_it_was_stopped() -> None:
    done = []

    async def work() -> str:
        await asyncio.sleep(0.05)
        done.append("stored")
        return "result"

    task = asyncio.create_task(whole(work()))
    await asyncio.sleep(0.01)
    task.cancel()
    assert await task == ("result", True)
    assert done == ["stored"]
