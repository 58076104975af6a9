"""`llmock` of @copilotkit/aimock: a server that speaks OpenAI's wire protocol, by others.

`tests/peers/install.sh` installs it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port

_PROGRAM = Path(__file__).resolve().parents[2] / ".peers" / "node_modules" / ".bin" / "llmock"
_KEY = "test-key"


@dataclass(frozen=True)
class Llmock:
    """A running mock; fixtures say what it answers to what."""

    port: int
    key: str = _KEY

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def answers(self, *fixtures: dict[str, Any]) -> None:
        """Forget everything, and answer by these fixtures from now on, the first that matches."""
        self._call("POST", "reset")
        self._call("POST", "fixtures", {"fixtures": list(fixtures)})

    def requests(self) -> list[dict[str, Any]]:
        """Return the journal: every completion that was asked for, oldest first."""
        entries: list[dict[str, Any]] = self._call("GET", "journal")
        return [entry for entry in entries if entry["path"].endswith("/chat/completions")]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/__aimock/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {_KEY}"},
        )
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            return json.loads(response.read())


@contextmanager
def running() -> Iterator[Llmock]:
    """Start the mock; without it the test fails where peers are required, else it is skipped."""
    if not _PROGRAM.exists() or shutil.which("node") is None:
        missing("llmock is not installed: run tests/peers/install.sh (needs Node.js)")
    port = free_port()
    process = subprocess.Popen(
        [str(_PROGRAM), "--port", str(port), "--fixtures", str(_empty_fixtures()),
         "--log-level", "warn"],
        env={**os.environ, "AIMOCK_API_KEYS": _KEY},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port, process)
        yield Llmock(port)
    finally:
        process.terminate()
        process.wait(timeout=10)


def missing(reason: str) -> None:
    """Fail where peers are required, else skip."""
    if os.environ.get("KENWARD_REQUIRE_PEERS"):
        pytest.fail(reason)
    pytest.skip(reason)


def _empty_fixtures() -> Path:
    path = _PROGRAM.parents[2] / "no-fixtures.json"
    path.write_text('{"fixtures": []}', encoding="utf-8")
    return path


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"llmock did not start (exit code {process.poll()})")
