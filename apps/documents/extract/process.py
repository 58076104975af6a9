"""The worker's side of the reading process: starts it, feeds it, ends it when it misbehaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from apps.documents.blocks import ExtractedText
from apps.documents.extract import frames
from apps.documents.extract.errors import BY_CODE, Corrupt, ExtractionError, OutOfMemory, TimedOut
from apps.errors import Unavailable

_ROOT = Path(__file__).resolve().parents[3]
# Secrets stand in the environment; the reader of strangers' files gets none of it.
_ENVIRONMENT_KEPT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "TZ",
    "TESSDATA_PREFIX",
    "KENWARD_OCR_LANGUAGES",
)
_START_TIMEOUT_S = 30.0
_STARTS = 3
_LINGERING_S = 2.0
_FAILS = "The file makes its reader fail."


class ReaderProcess:
    """A warm child process that reads one file after the other. Safe to share between threads.

    Args:
        readers: modules to use for some formats instead of the usual ones.
        files_per_process: after so many files it is replaced, which ends any leak.
    """

    def __init__(
        self, *, readers: Mapping[str, str] | None = None, files_per_process: int = 2_000
    ) -> None:
        self._overrides = [f"{name}={module}" for name, module in (readers or {}).items()]
        self._files_per_process = files_per_process
        self._child: _Child | None = None
        self._lock = threading.Lock()

    @property
    def process_id(self) -> int | None:
        """The child's process id, if there is one."""
        return self._child.process.pid if self._child else None

    def read(
        self,
        content: bytes,
        *,
        file_name: str,
        mime_type: str | None = None,
        timeout_s: float = 60.0,
        memory_mb: int = 1024,
    ) -> ExtractedText:
        """Return what the file holds.

        Args:
            content: the file.
            file_name: its name; only the extension counts.
            mime_type: what the source says that it is; counts less than content and name.
            timeout_s: wall-clock seconds for this file.
            memory_mb: address space of the child in MiB; about 100 are its own.

        Raises:
            ExtractionError: one of its kinds.
            Unavailable: no child can be started.
        """
        header = {
            "file_name": file_name.encode(errors="replace").decode(),
            "mime_type": mime_type,
            "timeout_s": timeout_s,
            "memory_mb": memory_mb,
        }
        with self._lock:
            reply = self._reply(json.dumps(header).encode(), content, timeout_s, memory_mb)
        if "code" in reply:
            kind = BY_CODE.get(reply["code"], Corrupt)
            raise kind(reply["message"], hint=reply["hint"], detail=reply["detail"])
        return ExtractedText.from_rows(
            reply["text"],
            reply["blocks"],
            title=reply["title"],
            pages=reply["pages"],
            author=reply["author"],
        )

    def close(self) -> None:
        """End the child; the next file starts another."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """Let go of the child without ending it: after a fork it belongs to the other process."""
        self._lock = threading.Lock()
        child, self._child = self._child, None
        if child is not None:
            child.close_pipes()
            child.process.returncode = 0  # not ours to wait for

    def _reply(
        self, header: bytes, content: bytes, timeout_s: float, memory_mb: int
    ) -> dict[str, Any]:
        for _ in range(_STARTS):
            child = self._ready_child(header)
            try:
                reply = child.exchange(content, deadline=time.monotonic() + timeout_s)
            except frames.DeadlinePassed:
                self._end()
                message = f"Reading the file took longer than {timeout_s:g} seconds."
                raise TimedOut(message) from None
            except frames.NoFrame:
                self._end()
                raise Corrupt(_FAILS, detail="the reader sent no frame") from None
            except frames.PeerGone:
                self._child = None
                status, peak_mb = child.wait()
                # The kernel ends a child with the thread that started it, not with the process.
                if child.started_by.is_alive():
                    is_full = peak_mb > max(memory_mb // 2, child.peak_before_mb)
                    raise _verdict(status, is_full=is_full) from None
                continue
            is_bloated = reply["peak_mb"] > memory_mb // 2
            if is_bloated or child.files >= self._files_per_process:
                self._end()
            return reply
        raise Unavailable("The process that reads files does not stay.")

    def _ready_child(self, header: bytes) -> _Child:
        """Return a child that took the header; one that ended since the last file is replaced."""
        for _ in range(_STARTS):
            self._child = self._child or _Child(self._overrides)
            try:
                self._child.prepare(header, deadline=time.monotonic() + _START_TIMEOUT_S)
            except (frames.PeerGone, frames.NoFrame, frames.DeadlinePassed):
                self._end()
            else:
                return self._child
        raise Unavailable("The process that reads files does not start.")

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.process.kill()
            child.wait()


class _Child:
    """One child process and the pipes to it."""

    def __init__(self, overrides: Sequence[str]) -> None:
        module = ("-m", "apps.documents.extract.child", str(os.getpid()), *overrides)
        self.process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-B", "-X", "utf8", *module],
            cwd=_ROOT,
            env={name: os.environ[name] for name in _ENVIRONMENT_KEPT if name in os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self.started_by = threading.current_thread()
        self.files = 0
        # Before the present file, and at first that of the worker itself: exec does not reset it.
        self.peak_before_mb = 0
        self._streams = [each for each in (self.process.stdin, self.process.stdout) if each]
        self._requests, self._replies = (stream.fileno() for stream in self._streams)
        for fd in (self._requests, self._replies):
            os.set_blocking(fd, False)

    def prepare(self, header: bytes, *, deadline: float) -> None:
        """Announce a file and wait until the child has set its limits."""
        frames.send(self._requests, header, deadline=deadline)
        peak = frames.receive(self._replies, deadline=deadline)
        self.peak_before_mb = int(peak) // 1024 if peak.isdigit() else 0

    def exchange(self, content: bytes, *, deadline: float) -> dict[str, Any]:
        """Send the announced file, return the answer."""
        frames.send(self._requests, content, deadline=deadline)
        reply = frames.receive(self._replies, deadline=deadline)
        self.files += 1
        try:
            parsed: dict[str, Any] = json.loads(reply)
        except ValueError as error:
            raise frames.NoFrame from error
        return parsed

    def close_pipes(self) -> None:
        for stream in self._streams:
            stream.close()

    def wait(self) -> tuple[int, int]:
        """Wait for the end, enforce it; return the exit status and the peak memory in MiB."""
        self.close_pipes()
        deadline = time.monotonic() + _LINGERING_S
        while self.process.returncode is None:
            try:
                # Not Popen.wait: this call alone tells the memory of this one child.
                found, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else in this process waited for it
                self.process.returncode = 0
                break
            if found:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                return self.process.returncode, usage.ru_maxrss // 1024
            if time.monotonic() > deadline:
                self.process.kill()
            time.sleep(0.001)
        return self.process.returncode, 0


def _verdict(status: int, *, is_full: bool) -> ExtractionError:
    """Return what the end of its reader, with its memory near the limit or not, says of a file."""
    detail = f"the reader ended with status {status}"
    if status == -signal.SIGXCPU:
        return TimedOut(detail=detail)
    # Native code that gets no memory dies of any signal; the kernel's own killer sends KILL.
    if status in {frames.OUT_OF_MEMORY_STATUS, -signal.SIGKILL} or is_full:
        return OutOfMemory(detail=detail)
    return Corrupt(_FAILS, detail=detail)
