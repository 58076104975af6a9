"""Children that are kept alive, heard and ended in order. One thread, one loop."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from apps.ops import processes
from apps.ops.errors import KeptDying
from apps.ops.processes import ChildSpec

DEATHS_ALLOWED = 4
DEATHS_WINDOW_S = 60.0
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 8.0
LINES_SHOWN = 20
# A line without an end is cut here, so that a child cannot fill our memory.
_LONGEST_LINE_BYTES = 65536


# Takes whole lines, ready to be shown.
Output = Callable[[str], None]


@dataclass
class _Child:
    spec: ChildSpec
    process: subprocess.Popen[bytes] | None = None
    start_at: float = 0.0  # monotonic; when it is due to start again
    deaths: deque[float] = field(default_factory=deque)
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_SHOWN))
    unfinished: bytes = b""


class Supervisor:
    """Starts children, starts dead ones again, and ends all of them when the block ends.

    A child that dies is started again after 0.5 s, doubled at each death in a row up to 8 s. The
    fifth death within a minute raises `KeptDying` out of `run`.

    Not for threads: the kernel ends the children with the thread that started them.
    """

    def __init__(self, show: Output, *, stop_within_s: float = 9.0) -> None:
        self._show = show
        self._stop_within_s = stop_within_s
        self._children: list[_Child] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, spec: ChildSpec) -> None:
        """Start a child and look after it from now on."""
        child = _Child(spec)
        self._children.append(child)
        self._spawn(child)

    def pid(self, name: str) -> int | None:
        """Return the process id of a child, None while it is dead or was never started."""
        for child in self._children:
            if child.spec.name == name and child.process is not None:
                return child.process.pid
        return None

    def run(self, until: Callable[[], bool], *, every_s: float = 0.2) -> None:
        """Look after the children until a condition holds.

        Args:
            until: the condition; a slow one delays the children's lines and restarts.
            every_s: seconds between two questions.

        Raises:
            KeptDying: a child died for the fifth time within a minute.
        """
        next_question = 0.0
        while True:
            if time.monotonic() >= next_question:
                if until():
                    return
                next_question = time.monotonic() + every_s
            self._listen(min(every_s, 0.2))
            for child in self._children:
                self._look_after(child)

    def stop(self) -> None:
        """End all children, the highest stage first; nothing of them is left afterwards."""
        deadline = time.monotonic() + self._stop_within_s
        stages = sorted({child.spec.stage for child in self._children}, reverse=True)
        for index, stage in enumerate(stages):
            # Each stage after this one keeps two seconds, which is plenty for an idle service.
            grace_s = deadline - time.monotonic() - 2.0 * (len(stages) - index - 1)
            self._stop_stage(stage, max(grace_s, 0.5))
        self._children.clear()

    def _stop_stage(self, stage: int, grace_s: float) -> None:
        ending = [c for c in self._children if c.spec.stage == stage and c.process is not None]
        for child in ending:
            if child.process is not None:
                processes.ask_to_end(child.spec, child.process)
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline and any(_is_alive(child) for child in ending):
            self._listen(0.05)
        for child in ending:
            self._collect(child)

    def _spawn(self, child: _Child) -> None:
        process = processes.spawn(child.spec)
        child.process = process
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
            self._selector.register(process.stdout, selectors.EVENT_READ, child)

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                self._spawn(child)
        elif child.process.poll() is not None:
            code = child.process.returncode
            self._collect(child)
            self._plan_restart(child, code, now)

    def _plan_restart(self, child: _Child, code: int, now: float) -> None:
        while child.deaths and now - child.deaths[0] > DEATHS_WINDOW_S:
            child.deaths.popleft()
        child.deaths.append(now)
        if len(child.deaths) > DEATHS_ALLOWED:
            raise KeptDying(
                f"{child.spec.name} ended {len(child.deaths)} times within a minute"
                f" ({_ending(code)}). Its last lines:\n" + "\n".join(self._last_lines(child))
            )
        delay_s = min(FIRST_DELAY_S * 2 ** (len(child.deaths) - 1), LONGEST_DELAY_S)
        child.start_at = now + delay_s
        self._show(f"[up] {child.spec.name} ended ({_ending(code)}); again in {delay_s:g} s")

    def _collect(self, child: _Child) -> None:
        """Take the last output of an ended child and end what it left in its process group."""
        process = child.process
        if process is None:
            return
        processes.kill_group(process)
        if process.stdout is not None:
            self._selector.unregister(process.stdout)
            while self._read(child):
                pass
            self._show_lines(child, [child.unfinished] if child.unfinished else [])
            child.unfinished = b""
            process.stdout.close()
        child.process = None

    def _listen(self, timeout_s: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout_s)
            return
        for key, _ in self._selector.select(timeout_s):
            if not self._read(key.data):
                # The child has closed its output: select would return at once, again and again.
                time.sleep(0.02)

    def _read(self, child: _Child) -> bool:
        """Show the lines that one read brings; say whether it brought anything."""
        if child.process is None or child.process.stdout is None:
            return False
        try:
            block = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return False
        *lines, child.unfinished = (child.unfinished + block).split(b"\n")
        if len(child.unfinished) > _LONGEST_LINE_BYTES:
            lines.append(child.unfinished)
            child.unfinished = b""
        self._show_lines(child, lines)
        return bool(block)

    def _show_lines(self, child: _Child, lines: list[bytes]) -> None:
        for line in lines:
            text = line.decode(errors="replace").rstrip("\r")
            child.last_lines.append(text)
            self._show(f"[{child.spec.name}] {text}")

    def _last_lines(self, child: _Child) -> list[str]:
        if child.spec.log is None:
            return list(child.last_lines)
        try:
            return child.spec.log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        except OSError:
            return []


def _is_alive(child: _Child) -> bool:
    return child.process is not None and child.process.poll() is None


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
