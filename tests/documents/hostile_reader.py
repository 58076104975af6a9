"""A reader that does what a broken library could do, as the file tells it."""

from __future__ import annotations

import os
import signal
import sys
import time

from apps.documents.blocks import Block, ExtractedText, assemble
from apps.documents.extract.sniff import SniffedFile

eaten: list[bytearray] = []


def read(file: SniffedFile) -> ExtractedText:
    order, _, value = file.text.strip().partition(" ")
    ACTIONS[order](value)
    return assemble([Block("paragraph", f"{order} {os.getpid()}")])


def _eat(_: str) -> None:
    while True:
        eaten.append(bytearray(8 * 1024 * 1024))


def _spin(_: str) -> None:
    while True:
        pass


def _recurse(text: str) -> None:
    _recurse(text)


def _raise(_: str) -> None:
    raise KeyError("a name with a lone surrogate \udc80")


def _show_environment(_: str) -> None:
    raise KeyError(" ".join(sorted(os.environ)))


def _show_modules(_: str) -> None:
    raise KeyError(" ".join(sorted(name for name in sys.modules if "." not in name)))


def _write_a_file(path: str) -> None:
    with open(path, "wb") as stream:  # noqa: PTH123
        stream.write(b"x")


def _garbage(_: str) -> None:
    os.write(1, b"\xff" * 100)
    time.sleep(60)


ACTIONS = {
    "be": lambda _: None,
    "sleep": lambda _: time.sleep(60),
    "spin": _spin,
    "eat": _eat,
    "die": lambda name: os.kill(os.getpid(), getattr(signal, name)),
    "exit": lambda _: os._exit(0),
    "raise": _raise,
    "print": lambda text: sys.stdout.write(text + "\n") and sys.stdout.flush(),
    "garbage": _garbage,
    "environment": _show_environment,
    "modules": _show_modules,
    "write": _write_a_file,
    "recurse": _recurse,
}
