"""Asks Slack itself whether somebody may read something now, past everything that is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.connections.errors import ItemForbidden, ItemGone
from apps.connections.protocol import PrincipalKind, RemotePrincipal
from apps.connections.providers.slack.changes import Looking
from apps.connections.providers.slack.records import Channel, Person
from apps.connections.providers.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Asking:
    """One question about one person.

    Args:
        workspace: whose.
        principals: the person's accounts, and the dynamic ones they count as.
    """

    workspace: Workspace
    principals: Sequence[RemotePrincipal]

    def may_read(self, external_id: str) -> bool | None:
        """Return whether Slack lets the person read an item; None when it does not tell.

        Raises:
            ItemGone: there is no such item any more, or it is not synced.
        """
        try:
            item = Looking(self.workspace).item(external_id)
        except ItemForbidden:
            return None  # the account itself is shut out, which says nothing of the person
        if item is None:
            raise ItemGone("This is not among the synced items.", external_id=external_id)
        people = list(self._people())
        for place in item.policy[0]:
            channel = self.workspace.channel(place)
            if channel is not None and self._reads(channel, people):
                return True
        return False

    def _people(self) -> Iterable[Person]:
        for each in self.principals:
            if each.kind == PrincipalKind.USER:
                found = self.workspace.people.person(each.external_id)
                if found is not None and found.is_active and not found.is_bot:
                    yield found

    def _reads(self, channel: Channel, people: Sequence[Person]) -> bool:
        if channel.is_public:
            counts = self.workspace.settings.is_whole_company
            is_member = any(each.kind == PrincipalKind.MEMBERS for each in self.principals)
            if (counts and is_member) or any(each.is_full_member for each in people):
                return True
        if not people:
            return False
        members = frozenset(self.workspace.members(channel.id))
        return any(each.id in members for each in people)
