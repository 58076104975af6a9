"""The process that embeds for indexing: a model of its own, out of the way of what people wait for.

Started by `embedding_process.py` as `python -m` with a folder, a niceness and its sockets by their
numbers. It knows nothing of Django, of the database or of any secret, and ends when its parent
does, since its sockets end then.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

from apps.documents.extract import frames
from apps.search.embeddings.minilm import MiniLM


def main(arguments: list[str]) -> None:
    """Serve each socket on a thread of its own until it ends."""
    folder, niceness, *numbers = arguments
    _step_back(int(niceness))
    model = MiniLM(Path(folder), threads=1)
    model.embed(["ready"])
    lanes = [
        threading.Thread(target=_serve, args=(model, socket.socket(fileno=int(number))))
        for number in numbers
    ]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()


def _serve(model: MiniLM, lane: socket.socket) -> None:
    """Answer each frame, a JSON list of texts, with one of their vectors: float32, row by row.

    The first frame says which model answers: its revision. An OSError is the end of the parent.
    """
    try:
        with (
            suppress(OSError),
            lane,
            lane.makefile("rb") as requests,
            lane.makefile("wb") as replies,
        ):
            frames.write_blocking(replies, model.revision.encode())
            while (request := frames.read_blocking(requests)) is not None:
                frames.write_blocking(replies, model.embed(json.loads(request)).tobytes())
    except BaseException:  # noqa: BLE001  a process that answers on some lanes is worse than none
        traceback.print_exc()
        os._exit(1)


def _step_back(niceness: int) -> None:
    """Leave the processor to whoever else wants it."""
    os.nice(niceness)
    # Where the kernel groups processes by session (the usual thing outside containers), niceness
    # counts inside a session only; this one was started in a session of its own.
    for _ in range(5):
        try:
            Path("/proc/self/autogroup").write_text(str(niceness))
        except OSError as error:
            if error.errno != errno.EAGAIN:  # else: only so many changes a second
                return
            time.sleep(0.11)
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
