from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
import pytest

from apps.ops.sandbox.drive.api import METHODS
from apps.ops.sandbox.drive.company import SCOPE_ROOT
from apps.ops.sandbox.drive.file_fields import FILE
from apps.ops.sandbox.drive.shapes import DRIVE as DRIVE_FIELDS
from apps.ops.sandbox.drive.shapes import PERMISSION, USER
from apps.ops.sandbox.journal import Entry
from tests.contracts.google_discovery import (
    DIRECTORY,
    DRIVE,
    check_answer,
    check_request,
    description,
    method_of,
)
from tests.ops.sandbox.drive_api import Google, google_of, small_company

FILES = "/drive/v3/files"


@pytest.fixture
def google() -> Iterator[Google]:
    with google_of(small_company()) as served:
        served.company.add_doc("Doc", "text", owner="ada@example.com")
        yield served


def test_failures_are_worded_as_google_words_them(google: Google) -> None:
    worded = {
        "too_many": (429, "rateLimitExceeded"),
        "quota": (403, "userRateLimitExceeded"),
        "server_error": (500, "internalError"),
        "forbidden": (403, "insufficientPermissions"),
        "unauthorized": (401, "authError"),
    }
    ada = google.as_("ada")
    for kind, refused in worded.items():
        google.company.faults.add(kind, path=f"^{FILES}$")
        assert ada.refused(FILES) == refused
        assert ada.names() == {"Doc"}


def test_rate_limits_say_how_long_to_wait_and_quota_does_not(google: Google) -> None:
    http = google.as_("ada").http
    google.company.faults.add("too_many", retry_after_s=3)
    assert http.get(FILES).headers["retry-after"] == "3"
    google.company.faults.add("quota")
    answer = http.get(FILES)
    assert answer.json()["error"]["errors"][0]["domain"] == "usageLimits"
    assert "retry-after" not in answer.headers
    google.company.faults.add("unavailable", retry_after_s=3)
    answer = http.get(FILES)
    assert (answer.status_code, answer.headers["retry-after"][-3:]) == (503, "GMT")


def test_broken_answers_do_not_pass_the_description(google: Google) -> None:
    http = google.as_("ada").http
    google.company.faults.add("wrong_shape")
    with pytest.raises(AssertionError):
        check_answer("drive.files.list", http.get(FILES).json(), description(DRIVE))
    google.company.faults.add("nonsense")
    with pytest.raises(ValueError, match="Expecting value"):
        http.get(FILES).json()


def test_cut_and_dropped_connections(google: Google) -> None:
    http = google.as_("ada").http
    for kind in ("truncated", "drop"):
        google.company.faults.add(kind)
        with pytest.raises(httpx2.RemoteProtocolError):
            http.get(FILES)
        assert google.company.journal.since()[-1].fault == kind
    assert http.get(FILES).status_code == 200


def test_slow_answers_come(google: Google) -> None:
    google.company.faults.add("slow", seconds=0.3, path="about")
    began = time.monotonic()
    google.as_("ada").get("/drive/v3/about", fields="kind")
    assert time.monotonic() - began >= 0.3


def entry(path: str, *query: tuple[str, str], method: str = "GET") -> Entry:
    return Entry(1, 0.0, method, path, query, {}, (), None, 200, "")


def test_wrong_requests_do_not_pass_the_description() -> None:
    drive = description(DRIVE)
    check_request(entry(FILES, ("pageSize", "1000"), ("supportsAllDrives", "true")), drive)
    wrong = [
        entry("/drive/v3/folders"),
        entry(FILES, ("page_size", "10")),
        entry(FILES, ("pageSize", "many")),
        entry(FILES, ("pageSize", "1001")),
        entry(FILES, ("supportsAllDrives", "True")),
        entry(FILES, ("corpus", "drive")),
        entry(FILES, ("q", "a"), ("q", "b")),
        entry("/drive/v3/changes"),
        entry(f"{FILES}/1/export"),
        entry(FILES, method="PUT"),
    ]
    for each in wrong:
        with pytest.raises(AssertionError):
            check_request(each, drive)


def test_wrong_answers_do_not_pass_the_description() -> None:
    drive = description(DRIVE)
    check_answer("drive.files.get", {"id": "1", "size": "12"}, drive)
    wrong: list[dict[str, object]] = [
        {"ident": "1"},
        {"size": 12},
        {"modifiedTime": "yesterday"},
        {"owners": {}},
    ]
    for each in wrong:
        with pytest.raises(AssertionError):
            check_answer("drive.files.get", each, drive)
    with pytest.raises(AssertionError):
        check_answer("drive.files.none", {}, drive)


def test_scopes_are_those_of_the_description() -> None:
    for method, path, _, scopes in METHODS:
        # The description at hand leaves out deletion and the addresses for uploads.
        if method == "DELETE" or path.startswith("/upload"):
            continue
        concrete = path.replace("{", "").replace("}", "")
        described = description(DRIVE if path.startswith("/drive") else DIRECTORY)
        official = method_of(entry(concrete, method=method), described)["scopes"]
        needed = {f"{SCOPE_ROOT}{scope}" for scope in scopes}
        cloud = {"https://www.googleapis.com/auth/cloud-platform"}
        assert needed == set(official) - cloud, path


def test_fields_are_those_of_the_description() -> None:
    schemas = description(DRIVE)["schemas"]
    trees = {"File": FILE, "Permission": PERMISSION, "Drive": DRIVE_FIELDS, "User": USER}
    for name, tree in trees.items():
        assert set(tree) == set(schemas[name]["properties"]), name
