"""Slack: whoever is in one of the channels where something stands.

providers.md, 3: a public channel is for the full members of its workspace; guests (`is_restricted`,
`is_ultra_restricted`) read only channels they are in; private channels, direct and group messages
are for `conversations.members`. A file stands in every channel it is shared to: one clause over
these. User groups are no readers. Members of other workspaces (Slack Connect) are read from the
channel's members like everybody, and match whom they match.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.connections.dialects.audiences import MEMBERS
from apps.connections.dialects.granting import place
from apps.connections.protocol import Level, RemoteAcl, RemoteEntry, RemotePolicy, RemotePrincipal


def channel(
    channel_id: str,
    members: Iterable[RemotePrincipal],
    *,
    is_private: bool,
    label: str = "",
    full_members: RemotePrincipal = MEMBERS,
) -> RemoteAcl:
    """Return the place of a channel or conversation.

    Args:
        channel_id: as the API names it.
        members: `conversations.members`; of a public channel they bring in the guests.
        is_private: also for direct and group messages.
        label: what people see.
        full_members: whoever is a full member of the workspace: all members of the tenant, or a
            group where the tenant has several workspaces.
    """
    entries = [RemoteEntry(member, level=Level.WRITE) for member in members]
    if not is_private:
        entries.append(RemoteEntry(full_members))
    return place(channel_id, entries, label=label)


def policy(channel_ids: Iterable[str]) -> RemotePolicy:
    """Return the policy of a message or file: one clause over the channels that it stands in.

    In none it is nobody's.
    """
    standing = tuple(dict.fromkeys(channel_ids))
    return (standing,) if standing else ()
