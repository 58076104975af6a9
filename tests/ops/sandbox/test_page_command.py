"""`manage.py sandbox` serves the page and both sources on one port until it is stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import httpx2
import pytest

from tests.e2e.running import ROOT
from tests.ports import free_port

pytestmark = pytest.mark.slow


def wait_for(url: str, timeout_s: float = 60) -> httpx2.Response:
    until = time.monotonic() + timeout_s
    while True:
        try:
            return httpx2.get(url)
        except httpx2.TransportError:
            assert time.monotonic() < until, f"nothing answers at {url}"
            time.sleep(0.2)


def test_one_port_serves_all_and_stops_when_told() -> None:
    port = free_port()
    back = "http://127.0.0.1:8000/somewhere/back"
    command = [sys.executable, "manage.py", "sandbox", "--port", str(port), "--redirect-uri", back]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            base = f"http://127.0.0.1:{port}"
            assert "Board minutes" in wait_for(f"{base}/").text
            assert httpx2.get(f"{base}/google/drive/v3/about").status_code == 401
            told = httpx2.get(f"{base}/slack/api/auth.test").json()
            assert told == {"ok": False, "error": "not_authed"}
        finally:
            sandbox.send_signal(signal.SIGINT)
            said, _ = sandbox.communicate(timeout=30)
    assert said.splitlines()[0] == f"sandbox {base}/"
