"""Two processes in conversation: one asks in lines of JSON, the other answers each with a line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
STOP_TIMEOUT_S = 15


class Talker:
    """A process of this benchmark that answers for the length of a block.

    Args:
        module: that calls `answer`.
        arguments: of its command line; anything but text is told as JSON.
        environment: its whole environment; None: ours.
    """

    def __init__(
        self, module: str, *arguments: object, environment: Mapping[str, str] | None = None
    ) -> None:
        told = [each if isinstance(each, str) else json.dumps(each) for each in arguments]
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", module, *told],
            cwd=ROOT,
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def ask(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        """Return what the other process answers.

        Raises:
            RuntimeError: it could not; its own lines say why.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([verb, args, kwargs]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"nobody answers to {verb!r}")
        return json.loads(line)


def answer(verbs: Callable[[str], Callable[..., Any]]) -> None:
    """Answer until nobody asks any more; an error ends the process.

    Args:
        verbs: returns what answers to a verb.
    """
    for line in sys.stdin:
        verb, args, kwargs = json.loads(line)
        sys.stdout.write(json.dumps(verbs(verb)(*args, **kwargs)) + "\n")
        sys.stdout.flush()
