"""Who may read what in a workspace, as places, groups and policies. Pure functions.

Public channels are for the workspace's full members, and for the guests and strangers in them;
everything else is for its members alone. The full members are a group of their own: Kenward's
“all members” may be more people than have an account in this workspace (another workspace, staff
without Slack), and somebody whose account was closed stays a member of the company for a while.
Only where an IT admin says that the workspace is the whole company, it is “all members”.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apps.connections.dialects import slack as dialect
from apps.connections.dialects.audiences import MEMBERS
from apps.connections.protocol import (
    PrincipalKind,
    RemoteAcl,
    RemoteGroup,
    RemotePolicy,
    RemotePrincipal,
)
from apps.connections.providers.slack.records import Channel, File, Person

# Of a file that is there: `tombstone` was deleted, `hidden_by_limit` is beyond what the plan shows,
# `external` only leads elsewhere; posts and canvases have no bytes that could be read.
_FILE_MODES = frozenset({"", "hosted", "snippet"})


@dataclass(frozen=True, slots=True)
class Audience:
    """Who the full members of a workspace are.

    Args:
        team_id: of the workspace.
        is_whole_company: whether an IT admin says that all members of the tenant are in it.
    """

    team_id: str
    is_whole_company: bool = False

    @property
    def full_members(self) -> RemotePrincipal:
        """The group for which public channels are."""
        if self.is_whole_company:
            return MEMBERS
        return RemotePrincipal(
            PrincipalKind.GROUP, f"{self.team_id}:full_members", label="Full members of Slack"
        )

    def groups(self, people: Iterable[Person]) -> tuple[RemoteGroup, ...]:
        """Return the full members, and the closed accounts: these are told so, and read nothing."""
        everybody = [each for each in people if not each.is_bot]
        members = [principal(each) for each in everybody if each.is_full_member]
        closed = [principal(each) for each in everybody if not each.is_active]
        out = RemotePrincipal(
            PrincipalKind.GROUP, f"{self.team_id}:closed", label="Closed accounts of Slack"
        )
        told = [RemoteGroup(out, tuple(closed))]
        if not self.is_whole_company:
            told.append(RemoteGroup(self.full_members, tuple(members)))
        return tuple(told)

    def place(
        self, channel: Channel, member_ids: Iterable[str], people: Mapping[str, Person]
    ) -> RemoteAcl:
        """Return the place of a conversation.

        Args:
            channel: as it is now.
            member_ids: `conversations.members`; of a public channel without guests and strangers
                there is no need to know them.
            people: what is known of them; whoever is unknown is named by id alone, and told to be
                nothing: neither active nor closed.
        """
        entries = []
        for member_id in member_ids:
            known = people.get(member_id)
            if known is None:
                entries.append(RemotePrincipal(PrincipalKind.USER, member_id))
            elif _is_entry(known, channel):
                entries.append(principal(known))
        return dialect.channel(
            channel.id,
            entries,
            is_private=not channel.is_public,
            label=channel.label,
            full_members=self.full_members,
        )


def principal(person: Person) -> RemotePrincipal:
    """Return the identity of an account; strangers tell no address, so that none is matched."""
    return RemotePrincipal(
        PrincipalKind.USER,
        person.id,
        label=person.name,
        email=person.email,
        is_active=person.is_active,
    )


def closed(channel_id: str, label: str = "") -> RemoteAcl:
    """Return a place that nobody may read any more."""
    return dialect.channel(channel_id, (), is_private=True, label=label)


def needs_members(channel: Channel, people: Mapping[str, Person]) -> bool:
    """Return whether it matters who is in a channel: not where all who could be read it anyway."""
    if not channel.is_public or channel.is_shared:
        return True
    return any(each.is_guest or each.is_stranger for each in people.values() if each.is_active)


def file_policy(file: File, synced: Iterable[str]) -> RemotePolicy:
    """Return the policy of a file: one clause over the synced channels that it stands in.

    Those that are not synced are left out: fewer people read it in Kenward than in Slack.
    """
    known = frozenset(synced)
    return dialect.policy(place for place in file.channels if place in known)


def is_document(file: File) -> bool:
    """Return whether a file is there, and has bytes at Slack that may be read."""
    return file.mode in _FILE_MODES and file.access == "visible" and bool(file.url)


def _is_entry(person: Person, channel: Channel) -> bool:
    if person.is_bot or not person.is_active:
        return False
    return not (channel.is_public and person.is_full_member)
