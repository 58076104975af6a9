"""What goes wrong at Google is said for what it is, and never taken for emptiness."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from apps.connections.errors import (
    ConnectorError,
    ContractBroken,
    CredentialsRejected,
    CursorExpired,
    ItemForbidden,
    ItemUnsupported,
    RateLimited,
    ScopeMissing,
    SettingsRejected,
    SourceUnavailable,
)
from apps.connections.http_answers import Answer
from apps.connections.providers.google_drive import answers
from apps.connections.providers.google_drive.dialect import judge
from apps.connections.providers.google_drive.forms import DriveSettingsForm
from tests.connections.google_drive.ledger import Ledger
from tests.connections.google_drive.reed import ADA, BO, IDA, Reed


def answer(status: int, reason: str, *, location: str = "", item: str = "f") -> Answer:
    error = {"reason": reason, "location": location}
    return Answer(status, {}, {"error": {"code": status, "errors": [error]}}, item)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (answer(403, "rateLimitExceeded"), RateLimited),
        (answer(403, "userRateLimitExceeded", item=""), RateLimited),
        (answer(429, "anything"), RateLimited),
        (answer(403, "insufficientPermissions"), ScopeMissing),
        (answer(403, "accessNotConfigured"), SettingsRejected),
        (answer(403, "exportSizeLimitExceeded"), ItemUnsupported),
        (answer(403, "cannotDownloadAbusiveFile"), ItemUnsupported),
        (answer(403, "cannotDownloadFile"), ItemForbidden),
        (answer(403, "insufficientFilePermissions"), ItemForbidden),
        (answer(400, "invalid", location="pageToken"), CursorExpired),
        (answer(410, "invalid", location="pageToken"), CursorExpired),
        (answer(400, "badRequest", location="convertTo"), ItemUnsupported),
    ],
)
def test_googles_reasons_are_understood(told: Answer, kind: type[ConnectorError]) -> None:
    assert isinstance(judge(told), kind)


@pytest.mark.parametrize("body", [None, [], {"error": "invalid_grant"}, {"error": {"errors": [1]}}])
def test_other_errors_are_left_to_their_status(body: object) -> None:
    assert judge(Answer(403, {}, body, "f")) is None
    assert judge(Answer(200, {}, body)) is None


@pytest.mark.parametrize("kind", ["nonsense", "wrong_shape", "truncated", "server_error", "drop"])
@pytest.mark.parametrize("path", ["/drive/v3/files$", "/drive/v3/drives", "/admin/.*/users"])
def test_no_fault_is_taken_for_emptiness(reed: Reed, kind: str, path: str) -> None:
    reed.company.add_doc("Doc", "x", owner=ADA)
    ledger = Ledger()
    ledger.sweep(reed.whole())
    drive = reed.whole()
    reed.company.faults.add(kind, path=path, times=100)
    with pytest.raises((ContractBroken, SourceUnavailable)):
        list(drive.sweep(None))


@pytest.mark.parametrize("kind", ["server_error", "unavailable", "truncated", "drop", "too_many"])
def test_passing_faults_are_passed_over(reed: Reed, kind: str) -> None:
    reed.company.add_doc("Doc", "x", owner=ADA)
    drive = reed.whole()
    reed.company.faults.add(kind, path="/drive/v3/files$", times=1, retry_after_s=0)
    ledger = Ledger()
    ledger.sweep(drive)
    reed.assert_true(ledger)


def test_a_withdrawn_delegation_stops_the_sync_and_drops_nothing(reed: Reed) -> None:
    reed.company.add_doc("Doc", "x", owner=ADA)
    drive = reed.whole()
    reed.company.faults.add("forbidden", path="/admin/.*", times=100)
    with pytest.raises(ScopeMissing):
        list(drive.sweep(None))
    reed.company.faults.clear()
    reed.company.faults.add("unauthorized", path="/drive/.*", times=100)
    with pytest.raises(CredentialsRejected):
        list(reed.whole().sweep(None))


def test_groups_that_may_not_be_listed_are_unknown(reed: Reed) -> None:
    reed.company.faults.add("forbidden", path="/admin/.*/members", times=100)
    ledger = Ledger()
    with pytest.raises(ScopeMissing):
        ledger.permit(reed.whole())


def test_requests_keep_to_the_addresses_that_are_known(reed: Reed) -> None:
    """No module builds an address of its own beside the client's and the directory's."""
    package = Path(answers.__file__).parent
    for module in package.glob("*.py"):
        code = "\n".join(
            line for line in module.read_text().splitlines() if not line.strip().startswith("#")
        )
        if module.name not in {"signing_in.py", "items.py"}:
            code = re.sub(r'"""(?s:.)*?"""', "", code)
            assert "https://" not in code, module.name


def test_settings_are_checked_and_kept() -> None:
    form = DriveSettingsForm({"my_drives": "group", "group": "", "honours_restrictions": "on"})
    assert not form.is_valid()
    assert set(form.errors) == {"group"}
    form = DriveSettingsForm({"chosen": '["drive:1", "mine", "mine"]', "admin": IDA})
    assert form.is_valid(), form.errors
    stored = form.to_settings()
    assert (stored["chosen"], stored["my_drives"], stored["admin"]) == (
        ["drive:1", "mine"],
        "all",
        IDA,
    )
    assert not DriveSettingsForm({"chosen": '["folder:nonsense"]'}).is_valid()
    assert DriveSettingsForm.picked_field in DriveSettingsForm.base_fields


def test_an_answer_of_another_shape_is_refused() -> None:
    kind = "drive#fileList"
    shapes: list[object] = [{}, {"kind": kind, "files": 1}, {"kind": "other", "files": []}, [], 1]
    for told in shapes:
        with pytest.raises(ContractBroken):
            answers.listed(told, kind, "files")
    assert answers.listed({"kind": kind}, kind, "files") == []  # Google leaves empty lists out
    with pytest.raises(ContractBroken):
        answers.File.parsed({"id": "1", "mimeType": 3})
    with pytest.raises(ContractBroken):
        answers.Change.parsed({"changeType": "new", "fileId": "1"})
    with pytest.raises(ContractBroken):
        answers.moment("yesterday")


def test_a_listing_is_not_stopped_by_what_vanishes_meanwhile(
    reed: Reed, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = reed.company.add_drive("Team", {ADA: "organizer"})
    folder = reed.company.add_folder("Folder", into=team)
    documents = [reed.company.add_doc(f"Doc {n}", "x", into=folder) for n in range(3)]
    for document in documents:
        reed.company.share(document, BO)
    drive = reed.whole()
    reed.company.faults.add("slow", path=f"files/{documents[1]}/permissions", seconds=0.01, times=1)
    original = type(reed.company.access).effective

    def vanishing(self: object, item: object) -> object:
        if getattr(item, "id", "") == documents[1] and documents[1] in reed.company.items:
            reed.company.delete(documents[1])
        return original(self, item)  # type: ignore[arg-type]

    monkeypatch.setattr(type(reed.company.access), "effective", vanishing)
    told = {item.external_id for page in drive.sweep(None) for item in page.items}
    monkeypatch.undo()
    assert told >= {documents[0], documents[2]}
