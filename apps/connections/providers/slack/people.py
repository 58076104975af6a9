"""Who is who in a workspace: the directory, and what people are called in texts."""

from __future__ import annotations

import time
from collections.abc import Mapping

from apps.connections.errors import ItemGone
from apps.connections.providers.slack import records
from apps.connections.providers.slack.client import LIST_PAGE, SlackClient
from apps.connections.providers.slack.records import Person
from apps.tenants.context import current_tenant_id

# What people are called is kept by a process for so long (seconds): texts are rendered one by one.
_NAMES_KEPT_S = 3600.0
_names: dict[tuple[int, str], tuple[float, dict[str, str]]] = {}


class People:
    """Asks for people, each list once.

    Args:
        slack: of the account.
        team_id: of its workspace.
    """

    def __init__(self, slack: SlackClient, team_id: str) -> None:
        self._slack = slack
        self._team_id = team_id
        self._all: dict[str, Person] | None = None
        self._single: dict[str, Person | None] = {}
        self._called = _names_of(team_id)

    def everybody(self) -> Mapping[str, Person]:
        """Return all accounts of the workspace by id, closed ones and bots too.

        Source: https://docs.slack.dev/reference/methods/users.list
        """
        if self._all is None:
            told = self._slack.listed("users.list", "members", limit=LIST_PAGE)
            people = [records.person(each, self._team_id) for each in told]
            self._all = {each.id: each for each in people}
            self._called |= {each.id: each.name for each in people}
        return self._all

    def person(self, person_id: str) -> Person | None:
        """Return one account as it is now; None for nobody that Slack knows.

        Source: https://docs.slack.dev/reference/methods/users.info
        """
        if person_id not in self._single:
            try:
                told = self._slack.ask("users.info", user=person_id, item=person_id).get("user")
            except ItemGone:
                self._single[person_id] = None
            else:
                self._single[person_id] = records.person(told, self._team_id)
        return self._single[person_id]

    def name(self, person_id: str) -> str:
        """Return what somebody is called; the id where Slack does not tell."""
        if person_id not in self._called and self._all is None:
            self.everybody()
        if person_id not in self._called:
            found = self.person(person_id)
            self._called[person_id] = found.name if found and found.name else person_id
        return self._called[person_id]


def _names_of(team_id: str) -> dict[str, str]:
    """Return the names that this process knows of a tenant's workspace; they end by themselves."""
    tenant_id = current_tenant_id()
    if tenant_id is None:
        return {}
    made_at, known = _names.get((tenant_id, team_id), (0.0, {}))
    if time.monotonic() - made_at > _NAMES_KEPT_S:
        made_at, known = time.monotonic(), {}
        _names[tenant_id, team_id] = made_at, known
    return known
