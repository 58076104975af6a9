"""Kenward started as its user starts it, with the sample company, in a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
# What the test run's own services, or a developer, may have set.
_FOREIGN = ("DATABASE_", "REDIS_", "LLM_", "EMBEDDING_", "KENWARD_", "DJANGO_", "PYTEST_")


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment of somebody who has configured nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**kept, **more}


@dataclass
class Running:
    """A `./kenward up` and what it printed."""

    data_dir: Path
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    # A clone of its own, started by the launcher as the README says; else this work tree.
    clone: Path | None = None
    # Runs the launcher as somebody else.
    become: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str) -> Running:
        """Start it; use `wait_for` to know how far it is."""
        launcher = [*self.become, "./kenward"] if self.clone else [sys.executable, "manage.py"]
        self.process = subprocess.Popen(
            [*launcher, "up", "--port", str(self.port),
             "--data-dir", str(self.data_dir), *arguments],
            cwd=self.clone or ROOT,
            env=clean_environment(**self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._collect, daemon=True).start()
        return self

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, beginning: str, *, timeout_s: float) -> float:
        """Wait for a line that begins so, and return the seconds it took."""
        started = time.monotonic()
        while time.monotonic() - started < timeout_s:
            if any(line.startswith(beginning) for line in self.lines):
                return time.monotonic() - started
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"no {beginning!r} within {timeout_s} s:\n" + "\n".join(self.lines))

    def passwords(self) -> dict[str, str]:
        """Return the sign-ins that were shown, by e-mail address."""
        found = [re.match(r"\s+(\S+@\S+)\s+(\S+)\s+\S+\s+\S+$", line) for line in self.lines]
        return {match[1]: match[2] for match in found if match}

    def stop(self, number: int = signal.SIGINT) -> float:
        """Ask it to stop, and return the seconds it took."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return time.monotonic() - started
