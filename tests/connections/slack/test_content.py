"""What a document holds is handed out; a sign-in page never passes for a file."""

from __future__ import annotations

import pytest

from apps.connections.errors import (
    ConnectorError,
    CredentialsRejected,
    ItemForbidden,
    ItemGone,
    ScopeMissing,
    SourceUnavailable,
)
from apps.connections.providers.slack import content
from apps.connections.providers.slack.setup import READ_SCOPES
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import Tarn

PAGE = b"<!DOCTYPE html><title>Levels</title><p>High</p>"


def opened(tarn: Tarn, external_id: str) -> bytes:
    with tarn.slack().open(external_id) as stream:
        return stream.read()


def upload(tarn: Tarn, body: bytes, mime_type: str) -> str:
    channels = [tarn.rivers]
    return tarn.workspace.upload(tarn.bo, "a.bin", body, mime_type, channel_ids=channels).id


def test_files_come_as_they_are(tarn: Tarn) -> None:
    body = bytes(range(256)) * 4096
    assert opened(tarn, upload(tarn, body, "application/octet-stream")) == body
    assert opened(tarn, upload(tarn, PAGE, "text/html")) == PAGE


@pytest.mark.parametrize("mime_type", ["application/pdf", "text/html"])
def test_a_sign_in_page_is_never_a_files_content(tarn: Tarn, mime_type: str) -> None:
    file = upload(tarn, PAGE, mime_type)
    tarn.workspace.faults.add("nonsense", path="files-pri")
    with pytest.raises(ScopeMissing, match="files:read"):
        opened(tarn, file)


def test_an_account_that_ended_in_between_is_told_as_such(tarn: Tarn) -> None:
    """Slack shows its sign-in page for a dead token, too."""
    file = upload(tarn, b"%PDF", "application/pdf")
    tarn.workspace.faults.add("nonsense", path="files-pri")
    tarn.workspace.faults.add("unauthorized", path="auth.test", times=None)
    with pytest.raises(CredentialsRejected):
        opened(tarn, file)


def test_web_pages_too_large_to_be_compared_are_refused(
    tarn: Tarn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MAX_HTML_BYTES", 8)
    with pytest.raises(ConnectorError, match="too large"):
        opened(tarn, upload(tarn, PAGE, "text/html"))


def test_a_download_that_breaks_off_says_so(tarn: Tarn) -> None:
    file = upload(tarn, b"x" * 100_000, "application/pdf")
    tarn.workspace.faults.add("truncated", path="files-pri")
    with pytest.raises(SourceUnavailable):
        opened(tarn, file)


def test_without_the_right_to_read_files_none_is_told(tarn: Tarn) -> None:
    file = upload(tarn, b"x", "application/pdf")
    scopes = [each for each in READ_SCOPES if each != "files:read"]
    token = tarn.workspace.install((), (*scopes,), installer_id=tarn.bo).user
    assert token
    with pytest.raises(ScopeMissing, match="files:read"), tarn.slack(token.value).open(file):
        raise AssertionError("opened")


def test_what_is_not_there_or_not_readable_says_so(tarn: Tarn) -> None:
    lone = tarn.workspace.post(tarn.rivers, tarn.bo, "lone")
    for gone in (f"{tarn.rivers}:{lone.ts}", f"{tarn.rivers}:2020-01-01", "F0NOWHERE1", "x"):
        with pytest.raises(ItemGone):
            opened(tarn, gone)
    tarn.workspace.remove_member(tarn.rivers, tarn.workspace.bot_user_id)
    with pytest.raises(ItemForbidden):
        opened(tarn, f"{tarn.rivers}:{lone.ts}")


def test_a_persons_own_account_reads_what_the_person_reads(tarn: Tarn) -> None:
    """Public channels without being in them, private ones as a member."""
    for channel in (tarn.general, tarn.rivers, tarn.secret):
        tarn.workspace.post(channel, tarn.bo, f"in {channel}")
    token = tarn.workspace.install((), READ_SCOPES, installer_id=tarn.cy).user
    assert token
    ledger = Ledger()
    ledger.sweep(tarn.slack(token.value))
    found = {name.partition(":")[0] for name in ledger.items}
    assert found == {tarn.general, tarn.rivers, tarn.secret}
    assert not ledger.problems
    token = tarn.workspace.install((), READ_SCOPES, installer_id=tarn.ada).user
    assert token
    ledger = Ledger()
    ledger.sweep(tarn.slack(token.value, channels=[]))
    assert {name.partition(":")[0] for name in ledger.items} == {tarn.general, tarn.rivers}
