"""Length-prefixed frames over pipes, with a deadline: what the worker and its reader speak."""

from __future__ import annotations

import os
import select
import struct
import time
from typing import BinaryIO

# The exit status of a reader that got no memory.
OUT_OF_MEMORY_STATUS = 77
# Above what any document within the limits needs; a reader that sends more is out of its mind.
MAX_FRAME_BYTES = 512 * 1024 * 1024
_HEADER = struct.Struct(">I")
_CHUNK = 1 << 20


class PeerGone(Exception):
    """The other side closed its end."""


class NoFrame(Exception):
    """The other side sent something that is no frame."""


class DeadlinePassed(Exception):
    """The other side did not take or send a frame in time."""


def send(fd: int, payload: bytes, *, deadline: float) -> None:
    """Write one frame to a non-blocking pipe.

    Args:
        fd: the pipe, non-blocking.
        payload: the frame, any bytes.
        deadline: on the clock of `time.monotonic`.

    Raises:
        DeadlinePassed: the pipe stayed full.
        PeerGone: nobody reads any more.
    """
    rest = memoryview(_HEADER.pack(len(payload)) + payload)
    while rest:
        _wait(fd, select.POLLOUT, deadline)
        try:
            rest = rest[os.write(fd, rest[:_CHUNK]) :]
        except BlockingIOError:
            continue
        except BrokenPipeError as error:
            raise PeerGone from error


def receive(fd: int, *, deadline: float) -> bytes:
    """Read one frame from a non-blocking pipe.

    Raises:
        DeadlinePassed: nothing, or only a part, came.
        PeerGone: the pipe was closed.
        NoFrame: what came is none.
    """
    (length,) = _HEADER.unpack(_read_exactly(fd, _HEADER.size, deadline))
    if length > MAX_FRAME_BYTES:
        raise NoFrame
    return bytes(_read_exactly(fd, length, deadline))


def read_blocking(stream: BinaryIO) -> bytes | None:
    """Read one frame from a blocking stream; None when it ended."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    (length,) = _HEADER.unpack(header)
    payload = stream.read(length)
    return payload if len(payload) == length else None


def write_blocking(stream: BinaryIO, payload: bytes) -> None:
    """Write one frame to a blocking stream."""
    stream.write(_HEADER.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def _read_exactly(fd: int, length: int, deadline: float) -> bytearray:
    found = bytearray()
    while len(found) < length:
        _wait(fd, select.POLLIN, deadline)
        try:
            part = os.read(fd, min(length - len(found), _CHUNK))
        except BlockingIOError:
            continue
        if not part:
            raise PeerGone
        found += part
    return found


def _wait(fd: int, event: int, deadline: float) -> None:
    """Wait until the pipe is ready, or closed: the next read or write tells which."""
    poll = select.poll()
    poll.register(fd, event)
    left_ms = (deadline - time.monotonic()) * 1000
    if left_ms <= 0 or not poll.poll(left_ms):
        raise DeadlinePassed
