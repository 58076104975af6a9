"""The worker's side of the reading process: starts it, feeds it, ends it when it misbehaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apps.documents.blocks import ExtractedText
from apps.documents.extract import frames
from apps.documents.extract.errors import BY_CODE, Corrupt, ExtractionError, OutOfMemory, TimedOut

_ROOT = Path(__file__).resolve().parents[3]
# Secrets stand in the environment; the reader of strangers' files gets none of it.
_ENVIRONMENT_KEPT = ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "TZ")
_GRACE_S = 2.0


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
        self._files = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def process_id(self) -> int | None:
        """The child's process id, if one runs."""
        return self._process.pid if self._process else None

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
        """
        header = {
            "file_name": file_name.encode(errors="replace").decode(),
            "mime_type": mime_type,
            "timeout_s": timeout_s,
            "memory_mb": memory_mb,
        }
        with self._lock:
            deadline = time.monotonic() + timeout_s
            try:
                reply = self._exchange(json.dumps(header).encode(), content, deadline)
            except frames.DeadlinePassed:
                self._end()
                raise TimedOut(
                    f"Reading the file took longer than {timeout_s:g} seconds."
                ) from None
            except frames.PeerGone:
                raise self._death(memory_mb) from None
            self._files += 1
            if self._files >= self._files_per_process or _is_bloated(reply, memory_mb):
                self._end()
        return _result(reply)

    def close(self) -> None:
        """End the child; the next file starts another."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """Let go of the child without ending it: after a fork it belongs to the other process."""
        self._lock = threading.Lock()
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                os.close(stream.fileno()) if stream else None
            process.returncode = 0  # not ours to wait for

    def _exchange(self, header: bytes, content: bytes, deadline: float) -> dict[str, Any]:
        pipes = self._pipes()
        try:
            frames.send(pipes[0], header, deadline=deadline)
        except frames.PeerGone:
            # It died between two files (its own limits, or an end of the thread that started it).
            self._end()
            pipes = self._pipes()
            frames.send(pipes[0], header, deadline=deadline)
        frames.send(pipes[0], content, deadline=deadline)
        reply = frames.receive(pipes[1], deadline=deadline)
        try:
            parsed: dict[str, Any] = json.loads(reply)
        except ValueError as error:
            raise frames.PeerGone from error
        return parsed

    def _pipes(self) -> tuple[int, int]:
        """Return the child's standard input and output, of a new child if none runs."""
        process = self._process
        if process is None or process.poll() is not None:
            self._end()
            process = self._start()
        if process.stdin is None or process.stdout is None:
            raise AssertionError
        return process.stdin.fileno(), process.stdout.fileno()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _ENVIRONMENT_KEPT if name in os.environ}
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [
                *(sys.executable, "-B", "-X", "utf8", "-m", "apps.documents.extract.child"),
                *(str(os.getpid()), *self._overrides),
            ],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
        self._process, self._files = process, 0
        return process

    def _death(self, memory_mb: int) -> ExtractionError:
        """End what is left of the child and return what its death says about the file."""
        process, self._process = self._process, None
        if process is None:
            return Corrupt()
        status, peak_mb = _reap(process)
        detail = f"the reader ended with status {status}, peak {peak_mb} MiB"
        if status == -signal.SIGXCPU:
            return TimedOut(detail=detail)
        # Native code that gets no memory dies of any signal; the kernel's own killer sends KILL.
        if status == -signal.SIGKILL or peak_mb > memory_mb // 2:
            return OutOfMemory(detail=detail)
        return Corrupt("The file makes its reader fail.", detail=detail)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            _reap(process)


def _reap(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Wait for the child, killing it if it lingers; return its status and peak memory in MiB."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    deadline = time.monotonic() + _GRACE_S
    while process.returncode is None:
        try:
            found, status, usage = os.wait4(process.pid, os.WNOHANG)
        except ChildProcessError:  # somebody else in this process waited for it
            process.returncode = 0
            break
        if found:
            # wait4 instead of Popen.wait: it alone tells the memory of this one child.
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss // 1024
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(0.001)
    return process.returncode, 0


def _is_bloated(reply: dict[str, Any], memory_mb: int) -> bool:
    """Say whether the child ends itself, or holds so much that the next file has too little."""
    return reply.get("code") == OutOfMemory.code or reply.get("peak_mb", 0) > memory_mb // 2


def _result(reply: dict[str, Any]) -> ExtractedText:
    if "code" in reply:
        kind = BY_CODE.get(reply["code"], Corrupt)
        raise kind(reply["message"], hint=reply["hint"], detail=reply["detail"])
    return ExtractedText.from_rows(
        reply["text"], reply["blocks"], title=reply["title"], pages=reply["pages"]
    )
