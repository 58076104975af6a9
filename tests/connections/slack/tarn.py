"""Tarn, a small company in the simulated Slack, and Kenward's connector to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from apps.connections.credentials.account import Account
from apps.connections.credentials.models import AuthMethod, Credential
from apps.connections.pace import Pace
from apps.connections.providers.slack.connector import Slack
from apps.connections.providers.slack.setup import DIRECT_SCOPES, READ_SCOPES
from apps.ops.sandbox.slack.records import Guest
from apps.ops.sandbox.slack.workspace import SlackWorkspace

ADA, BO, CY, GIL = "ada@tarn.example", "bo@tarn.example", "cy@tarn.example", "gil@away.example"


def account(base: str, token: str, *, scopes: tuple[str, ...] = ()) -> Account:
    """Return an account as of a pasted token, with a pace of its own that never waits."""
    return Account(
        method=AuthMethod.API_KEY,
        subject="",
        endpoints={"api": f"{base}/api", "files": base},
        scopes=scopes,
        _pace=Pace(f"test-{uuid4()}", 10_000, 10_000),
        _credential=Credential(secret=json.dumps({"api_key": token})),
        _sign_in=Slack.sign_in,
    )


@dataclass
class Tarn:
    """The workspace, and who and what is in it, by id."""

    workspace: SlackWorkspace
    base: str
    token: str
    ada: str
    bo: str
    cy: str
    gil: str
    general: str
    rivers: str
    secret: str

    def slack(self, token: str = "", **settings: Any) -> Slack:
        """Return a connector; private channels are chosen by default."""
        chosen = {"channels": [self.secret], **settings}
        return Slack(chosen, account=account(self.base, token or self.token))

    def readers(self, external_id: str) -> set[str]:
        """Return who may read a document, as Slack sees it."""
        if external_id.startswith("F"):
            return self.workspace.file_readers(external_id)
        return self.workspace.readers(external_id.partition(":")[0])


def founded(workspace: SlackWorkspace, base: str) -> Tarn:
    """Return the company: Ada, Bo and Cy, their guest Gil, three channels, the app in all."""
    ada = workspace.add_person("Ada Abel", ADA, admin=True).id
    general = workspace.create_channel("general", ada, general=True).id
    bo = workspace.add_person("Bo Berg", BO).id
    cy = workspace.add_person("Cy Cole", CY).id
    gil = workspace.add_person("Gil Gast", GIL, guest=Guest.MULTI_CHANNEL).id
    rivers = workspace.create_channel("rivers", bo, member_ids=[gil]).id
    secret = workspace.create_channel("secret", bo, private=True, member_ids=[cy]).id
    installed = workspace.install((*READ_SCOPES, *DIRECT_SCOPES))
    assert installed.bot
    for channel in (general, rivers, secret):
        workspace.invite(channel, workspace.bot_user_id)
    token = installed.bot.value
    return Tarn(workspace, base, token, ada, bo, cy, gil, general, rivers, secret)
