"""npm `emulate`: stand-ins for Slack, Google and others, by others.

`tests/peers/install.sh` installs it, with the Node.js that it needs.
"""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.llmock import missing
from tests.ports import free_port

_MODULES = Path(__file__).resolve().parents[2] / ".peers" / "node_modules"
_NODE = _MODULES / ".bin" / "node"
_PROGRAM = _MODULES / "emulate" / "dist" / "index.js"


@contextmanager
def running(service: str, seed: str) -> Iterator[str]:
    """Serve one stand-in.

    Args:
        service: by its name there.
        seed: a file beside this one.

    Yields:
        its base URL, without a slash at its end.
    """
    if not _PROGRAM.exists() or not _NODE.exists():
        missing("emulate is not installed: run tests/peers/install.sh")
    port = free_port()
    command = [_NODE, _PROGRAM, "start", "--service", service, "--port", str(port)]
    process = subprocess.Popen(
        [*map(str, command), "--seed", str(Path(__file__).parent / seed)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        _wait(base, process)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(base: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(base, timeout=1).close()  # noqa: S310
        except urllib.error.HTTPError:
            return  # it answers, if only to say that there is nothing at its root
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"emulate did not start (exit code {process.poll()})")
