"""A plain caller of the simulated Slack; each answer is held against Slack's description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from apps.ops.sandbox.serve import serving
from apps.ops.sandbox.slack.api import app
from apps.ops.sandbox.slack.records import Guest
from apps.ops.sandbox.slack.workspace import SlackWorkspace
from tests.contracts.slack_swagger import check_answer, check_request


@dataclass
class Caller:
    """Somebody with a token, or without one."""

    base: str
    token: str = ""

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def ask(self, method: str, **arguments: str) -> dict[str, Any]:
        """Call by GET and return the answer, whatever it says."""
        answer = httpx2.get(
            f"{self.base}/api/{method}", params=arguments, headers=self.headers()
        ).json()
        check_answer(method, answer)
        assert isinstance(answer, dict)
        return answer

    def get(self, method: str, **arguments: str) -> dict[str, Any]:
        """Call by GET and return the answer, which says yes."""
        answer = self.ask(method, **arguments)
        assert answer["ok"], answer
        return answer

    def error(self, method: str, **arguments: str) -> str:
        """Call by GET and return the error, which there is."""
        answer = self.ask(method, **arguments)
        assert not answer["ok"], answer
        return str(answer["error"])

    def all(self, method: str, items: str, **arguments: str) -> list[Any]:
        """Return the items of all pages."""
        found, cursor = [], ""
        while True:
            answer = self.get(method, **arguments, **({"cursor": cursor} if cursor else {}))
            found += answer[items]
            cursor = answer.get("response_metadata", {}).get("next_cursor", "")
            if not cursor:
                return found


@dataclass
class Scene:
    """A workspace, where it is served, and its people."""

    workspace: SlackWorkspace
    base: str
    ada: str
    bo: str
    cy: str
    guest: str
    general: str
    secret: str

    def bot(self, **scopes: Any) -> Caller:
        """Install the app and return its bot."""
        installed = self.workspace.install(**scopes)
        assert installed.bot
        return Caller(self.base, installed.bot.value)

    def person(self, person_id: str, *scopes: str) -> Caller:
        """Return a person's own token."""
        installed = self.workspace.install((), scopes, installer_id=person_id)
        assert installed.user
        return Caller(self.base, installed.user.value)

    def add_bot_to(self, *channel_ids: str) -> None:
        for channel_id in channel_ids:
            self.workspace.invite(channel_id, self.workspace.bot_user_id)


def people_of(workspace: SlackWorkspace, base: str) -> Scene:
    ada = workspace.add_person("Ada Abel", "ada@tarn.example", admin=True)
    general = workspace.create_channel("general", ada.id, general=True)
    bo = workspace.add_person("Bo Berg", "bo@tarn.example")
    cy = workspace.add_person("Cy Cole", "cy@tarn.example")
    guest = workspace.add_person("Gil Gast", "gil@away.example", guest=Guest.MULTI_CHANNEL)
    secret = workspace.create_channel("secret", bo.id, private=True, member_ids=[cy.id])
    return Scene(workspace, base, ada.id, bo.id, cy.id, guest.id, general.id, secret.id)


@pytest.fixture
def scene() -> Iterator[Scene]:
    workspace = SlackWorkspace("Tarn", "tarn")
    with serving(app(workspace)) as base:
        yield people_of(workspace, base)
        for entry in workspace.journal.since(0):
            if "/api/" in entry.path:
                check_request(entry)
    workspace.close()
