"""A client of the simulated Google that holds every request and answer against the descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from apps.ops.sandbox.drive.api import app
from apps.ops.sandbox.drive.company import READING_SCOPES, DriveCompany
from apps.ops.sandbox.serve import serving
from tests.contracts.google_discovery import (
    DIRECTORY,
    DRIVE,
    check_answer,
    check_request,
    description,
    method_of,
)

ALL_DRIVES = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
ROOT = "https://www.googleapis.com/auth/"
Json = dict[str, Any]


class Person:
    """Somebody's use of the APIs, with one access token."""

    def __init__(self, base: str, company: DriveCompany, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx2.Client(base_url=base, headers=headers, timeout=30, trust_env=False)
        self._company = company

    def get(self, path: str, **params: str) -> Json:
        """Return the JSON of an answer that must be as Google describes it."""
        mark = self._company.journal.mark()
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        entry = self._company.journal.since(mark)[-1]
        described = description(DRIVE if path.startswith("/drive") else DIRECTORY)
        check_request(entry, described)
        found: Json = answer.json()
        check_answer(method_of(entry, described)["id"], found, described)
        return found

    def refused(self, path: str, **params: str) -> tuple[int, str]:
        """Return status and reason of an error."""
        return refusal(self.http.get(path, params=params))

    def all(self, path: str, key: str, **params: str) -> list[Json]:
        """Return the items of all pages of a list."""
        found: list[Json] = []
        page: Json = {}
        while not found or "nextPageToken" in page:
            more = {"pageToken": page["nextPageToken"]} if page else {}
            page = self.get(path, **{**params, **more})
            found.extend(page.get(key, ()))
            if not page.get(key) and "nextPageToken" not in page:
                break
        return found

    def names(self, **params: str) -> set[str]:
        """Return the names that files.list gives."""
        return {each["name"] for each in self.all("/drive/v3/files", "files", **params)}

    def changes(self, token: str, **params: str) -> tuple[list[Json], str]:
        """Return all changes since a token, and the token to go on with."""
        found: list[Json] = []
        while True:
            page = self.get("/drive/v3/changes", pageToken=token, **params)
            found.extend(page["changes"])
            if "newStartPageToken" in page:
                return found, page["newStartPageToken"]
            token = page["nextPageToken"]


class Google:
    """The simulated Google at an address."""

    def __init__(self, base: str, company: DriveCompany) -> None:
        self.base = base
        self.company = company
        self.people: list[Person] = []

    def as_(self, name: str, scopes: Iterable[str] = READING_SCOPES) -> Person:
        """Return the APIs as one of the company's people uses them."""
        email = name if "@" in name else f"{name}@{self.company.people.domain}"
        return self.with_token(self.company.sign_in(email, scopes))

    def with_token(self, token: str) -> Person:
        """Return the APIs as who holds a token uses them."""
        person = Person(self.base, self.company, token)
        self.people.append(person)
        return person


@contextmanager
def google_of(company: DriveCompany) -> Iterator[Google]:
    """Serve a company while the block lasts."""
    with serving(app(company)) as base:
        google = Google(base, company)
        yield google
        for person in google.people:
            person.http.close()


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    """Return status and reason of an error in Google's form."""
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    assert error["message"] == error["errors"][0]["message"]
    return answer.status_code, error["errors"][0]["reason"]


def small_company() -> DriveCompany:
    """Return a company of Ida (administrator), Ada, Bo and Cy, with nothing in it."""
    company = DriveCompany(seed=7)
    company.add_user("ida@example.com", "Ida Quist", is_admin=True)
    for name in ("ada", "bo", "cy"):
        company.add_user(f"{name}@example.com")
    return company
