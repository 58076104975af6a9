"""How connectors ask a source: over the wire, against a server that fails in all known ways."""

from __future__ import annotations

import json
import logging
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from apps.connections.errors import (
    ConnectorError,
    ContractBroken,
    CredentialsRejected,
    CursorExpired,
    ItemForbidden,
    ItemGone,
    RateLimited,
    ScopeMissing,
    SourceUnavailable,
)
from apps.connections.http_answers import Answer, error_for, retry_after_s
from apps.connections.pace import Pace
from apps.documents.extract.errors import TooLarge
from apps.documents.extract.run import extract
from apps.ops.sandbox.serve import serving
from tests.connections.asked_source import FILE, AskedSource, Token

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def source() -> Iterator[AskedSource]:
    asked = AskedSource()
    with serving(asked.app()) as base:
        asked.base = base
        yield asked


def test_parameters_are_sent_and_those_that_are_none_are_not(source: AskedSource) -> None:
    told = source.client().get(f"{source.base}/list", {"a": True, "b": 2, "c": None, "d": "x y"})
    assert told["asked"] == {"a": "true", "b": "2", "d": "x y"}


def test_forms_and_json_are_posted_and_an_empty_answer_is_none(source: AskedSource) -> None:
    client = source.client()
    assert client.post(f"{source.base}/say", form={"a": 1})["said"] == "a=1"
    assert json.loads(client.post(f"{source.base}/say", content={"a": [1]})["said"]) == {"a": [1]}
    assert client.post(f"{source.base}/say") is None


@pytest.mark.parametrize("kind", ["server_error", "truncated", "nonsense", "drop"])
def test_what_may_pass_in_a_moment_is_asked_again(source: AskedSource, kind: str) -> None:
    source.faults.add(kind, times=2)
    assert source.client().get(f"{source.base}/list")["ok"]
    assert source.asked() == ["/list"] * 3


@pytest.mark.parametrize("kind", ["server_error", "truncated", "nonsense", "drop"])
def test_what_does_not_pass_is_told_and_not_asked_for_ever(source: AskedSource, kind: str) -> None:
    source.faults.add(kind, times=100)
    with pytest.raises(SourceUnavailable):
        source.client().get(f"{source.base}/list")
    assert source.asked() == ["/list"] * 4


def test_a_short_rest_is_kept_and_a_long_one_is_handed_on(source: AskedSource) -> None:
    source.faults.add("too_many", retry_after_s=1)
    started = time.monotonic()
    assert source.client().get(f"{source.base}/list")["ok"]
    assert time.monotonic() - started >= 1
    source.faults.add("too_many", retry_after_s=120)
    with pytest.raises(RateLimited) as told:
        source.client().get(f"{source.base}/list")
    assert told.value.retry_after_s == 120


def test_all_lanes_of_a_connection_rest_when_one_is_asked_to(source: AskedSource) -> None:
    pace = Pace(uuid4().hex, 1000.0, 1000)
    source.faults.add("too_many", retry_after_s=60)
    with pytest.raises(RateLimited):
        source.client(pace=pace).get(f"{source.base}/list")
    with pytest.raises(RateLimited) as told:
        source.client(pace=pace).get(f"{source.base}/list")
    assert 55 < told.value.retry_after_s <= 60
    assert source.asked() == ["/list"], "the second one was never sent"


def test_a_date_to_come_back_at_is_read_by_the_sources_own_clock() -> None:
    theirs = datetime.now(UTC) + timedelta(hours=5)
    headers = {
        "date": format_datetime(theirs, usegmt=True),
        "retry-after": format_datetime(theirs + timedelta(seconds=90), usegmt=True),
    }
    assert retry_after_s(headers) == pytest.approx(90, abs=1)


@given(st.text(max_size=40))
def test_no_retry_after_breaks_the_reading(told: str) -> None:
    assert retry_after_s({"retry-after": told}) >= 0


def test_an_ended_token_is_renewed_once_and_the_request_sent_again(source: AskedSource) -> None:
    source.good_token = "second"
    token = Token(["first", "second"])
    assert source.client(token).get(f"{source.base}/list")["ok"]
    assert token.renewals == 1


def test_an_account_that_is_not_accepted_is_told(source: AskedSource) -> None:
    source.good_token = "another"
    with pytest.raises(CredentialsRejected):
        source.client(Token(["first", "second"])).get(f"{source.base}/list")


def test_a_refusal_in_a_providers_own_dialect_is_understood(source: AskedSource) -> None:
    with pytest.raises(CursorExpired):
        source.client().get(f"{source.base}/list", {"cursor": "old"})


def test_a_large_file_is_read_as_it_arrives(source: AskedSource) -> None:
    with source.client().opened(f"{source.base}/file", item="f") as content:
        assert content.media_type == "application/pdf"
        assert content.read(10) == FILE[:10]
        assert content.read() == FILE[10:]


def test_a_file_that_breaks_off_is_not_taken_for_a_whole_one(source: AskedSource) -> None:
    source.faults.add("truncated")
    with (
        pytest.raises(SourceUnavailable),
        source.client().opened(f"{source.base}/file") as content,
    ):
        content.read()


def test_a_link_to_another_known_host_carries_no_token(source: AskedSource) -> None:
    other = AskedSource()
    with serving(other.app()) as other.base:
        source.elsewhere = f"{other.base}/file"
        host = other.base.removeprefix("http://")
        with source.client(hosts=(host,)).opened(f"{source.base}/away") as content:
            assert content.read() == FILE
    assert other.signed_with == [None]


def test_a_link_to_an_unknown_host_is_not_followed(source: AskedSource) -> None:
    source.elsewhere = "http://127.0.0.1:9/metadata"
    with (
        pytest.raises(ContractBroken, match=r"127\.0\.0\.1:9"),
        source.client().opened(f"{source.base}/away"),
    ):
        pass
    with pytest.raises(ContractBroken):
        source.client().get("http://169.254.169.254/latest/")
    with pytest.raises(ContractBroken, match="from one address to the next"):
        source.client().get(f"{source.base}/round")


@pytest.mark.parametrize(
    ("status", "item", "error"),
    [
        (400, "", ContractBroken),
        (401, "x", CredentialsRejected),
        (403, "", ScopeMissing),
        (403, "x", ItemForbidden),
        (404, "x", ItemGone),
        (404, "", ContractBroken),
        (410, "x", ItemGone),
        (418, "x", ContractBroken),
        (429, "x", RateLimited),
        (500, "x", SourceUnavailable),
        (503, "", SourceUnavailable),
    ],
)
def test_every_status_has_one_meaning(status: int, item: str, error: type[ConnectorError]) -> None:
    told = error_for(Answer(status, {}, None, item), "api.example.com")
    assert type(told) is error
    assert getattr(told, "external_id", "x") == "x"


def test_a_503_that_says_when_to_come_back_is_a_rest() -> None:
    told = error_for(Answer(503, {"retry-after": "7"}, None), "api.example.com")
    assert isinstance(told, RateLimited)
    assert told.retry_after_s == 7


def test_no_token_stands_in_logs_or_errors(
    source: AskedSource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = Token(["s3cr3t-t0k3n"])
    source.faults.add("server_error", times=10)
    with pytest.raises(SourceUnavailable) as told:
        source.client(token).get(f"{source.base}/list", {"key": "s3cr3t-p4r4m"})
    ours = [record.getMessage() for record in caplog.records if "uvicorn" not in record.name]
    assert "s3cr3t" not in f"{told.value} {told.value.detail} {ours}"


_ASKS_AND_ENDS = """
import sys
from apps.connections.http_session import new_session
new_session().get(sys.argv[1]).raise_for_status()
"""


def test_a_process_that_ends_leaves_no_connection_open(source: AskedSource) -> None:
    options = ("-W", "always::ResourceWarning", "-c", _ASKS_AND_ENDS)
    ended = subprocess.run(
        [sys.executable, *options, f"{source.base}/file"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert source.asked() == ["/file"]


class Huge(socketserver.StreamRequestHandler):
    """Answers with two gigabytes, for as long as somebody takes them."""

    sent: ClassVar[int] = 0
    has_ended: ClassVar[threading.Event] = threading.Event()

    @override
    def handle(self) -> None:
        while self.rfile.readline().strip():
            continue
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2000000000\r\n\r\n")
        try:
            for _ in range(2_000_000_000 // len(FILE)):
                self.wfile.write(FILE)
                Huge.sent += len(FILE)
        except OSError:
            Huge.has_ended.set()


def test_of_two_gigabytes_no_more_is_taken_than_may_be_read(source: AskedSource) -> None:
    most = 1024 * 1024
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Huge) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = "{}:{}".format(*server.server_address)
        client = source.client(hosts=(host,))
        with (
            pytest.raises(TooLarge),
            client.opened(f"http://{host}/huge", item="f") as content,
        ):
            extract(content, file_name="huge.txt", max_bytes=most)
        assert Huge.has_ended.wait(10), "the connection is closed"
        server.shutdown()
    # What lay in the sockets between the two was sent, too.
    assert Huge.sent < 32 * most
