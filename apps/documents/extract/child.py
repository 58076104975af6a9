"""The process that reads files: takes one at a time from its standard input, within limits.

Started by `process.py` as `python -m apps.documents.extract.child PARENT_PID [FORMAT=MODULE …]`.
It knows nothing of Django, of the database or of any secret.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from apps.documents.blocks import ExtractedText
from apps.documents.extract import frames, readers
from apps.documents.extract.allowance import Allowance
from apps.documents.extract.errors import Corrupt, ExtractionError, TooLarge

# Some ten thousand pages. Beyond it, chunks would crowd out all other documents.
MAX_TEXT_CHARACTERS = 30_000_000
_PR_SET_PDEATHSIG = 1
_DETAIL_CHARACTERS = 2_000
# With so much of the allowed address space taken, the next allocation may fail.
_FULL = 0.8
# Of the allowed seconds: later no member and no page is begun, so that those before it count.
_BEGUN_WITHIN = 0.7


def main(arguments: list[str]) -> None:
    """Serve files until the standard input ends."""
    parent_id, *overrides = arguments
    modules = dict(override.split("=", 1) for override in overrides)
    _die_with_parent(int(parent_id))
    _forbid_what_no_reader_needs()
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    # A library that prints must not write into the replies.
    sys.stdout = sys.stderr
    # Deeply nested pages are walked by recursion; Python 3.11 spends no C stack on it.
    sys.setrecursionlimit(20_000)
    try:
        while serve_one(requests, replies, modules):
            pass
    except MemoryError:
        # Whatever else could be done about it might need memory.
        os._exit(frames.OUT_OF_MEMORY_STATUS)


def serve_one(requests: BinaryIO, replies: BinaryIO, modules: dict[str, str]) -> bool:
    """Read one request, answer it; False when there was none.

    A request is a frame of JSON with `file_name`, `mime_type`, `timeout_s` and `memory_mb`, which
    a frame with the peak memory so far answers (in KiB, as `ru_maxrss`), then one of the file's
    bytes, which one of JSON answers.
    """
    header = frames.read_blocking(requests)
    if header is None:
        return False
    request: dict[str, Any] = json.loads(header)
    _limit(timeout_s=request["timeout_s"], memory_mb=request["memory_mb"])
    # From here on, whatever happens is the file's fault.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    frames.write_blocking(replies, str(peak).encode())
    content = frames.read_blocking(requests)
    if content is None:
        return False
    ends_at = time.monotonic() + _BEGUN_WITHIN * request["timeout_s"]
    allowance = Allowance(modules, ends_at)
    reply = answer(content, request["file_name"], request["mime_type"], allowance)
    reply["peak_mb"] = _peak_mb("VmHWM")
    if reply.get("code") == Corrupt.code and _peak_mb("VmPeak") > _FULL * request["memory_mb"]:
        # Native parsers call it broken when they get no memory for the rest of a file.
        raise MemoryError
    frames.write_blocking(replies, json.dumps(reply, ensure_ascii=False).encode())
    return True


def answer(
    content: bytes, file_name: str, mime_type: str | None, allowance: Allowance
) -> dict[str, Any]:
    """Return what the file holds, or why it cannot be read, as JSON values."""
    try:
        found = _read(content, file_name, mime_type, allowance)
    except ExtractionError as error:
        return _failure(error)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  the edge of this process: any file may break any library
        return _failure(Corrupt(detail=traceback.format_exc()[-_DETAIL_CHARACTERS:]))
    return {
        "text": found.text,
        "blocks": found.block_rows(),
        "title": found.title,
        "pages": found.pages,
        "author": found.author,
    }


def _read(
    content: bytes, file_name: str, mime_type: str | None, allowance: Allowance
) -> ExtractedText:
    found = readers.read(content, file_name, mime_type, allowance)
    if len(found.text) > MAX_TEXT_CHARACTERS:
        raise TooLarge("The file holds more text than Kenward reads from one file.")
    return found


def _failure(error: ExtractionError) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "detail": error.detail.encode(errors="replace").decode(),
    }


def _die_with_parent(parent_id: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_id:  # it died before the line above
        sys.exit(0)


def _forbid_what_no_reader_needs() -> None:
    """No core dump, no file written, few files open; Ctrl-C in the terminal is the parent's."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _limit(*, timeout_s: float, memory_mb: int) -> None:
    """Set this file's share of processor time and address space; the kernel keeps to them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime + timeout_s) + 2
    _set_soft_limit(resource.RLIMIT_CPU, cpu_s)
    _set_soft_limit(resource.RLIMIT_AS, memory_mb * 1024 * 1024)


def _peak_mb(name: str) -> int:
    """Return the peak of this program alone; `ru_maxrss` counts the worker's before exec.

    Args:
        name: `VmHWM` for memory in use, `VmPeak` for address space.
    """
    found = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found.group(1)) // 1024 if found else 0


def _set_soft_limit(kind: int, amount: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(kind, (allowed, hard))


if __name__ == "__main__":
    main(sys.argv[1:])
