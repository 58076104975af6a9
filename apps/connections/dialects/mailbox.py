"""A mailbox (Gmail): its owner and the delegates; nobody is a reader by standing in a header.

Google's description: delegates are told by `settings.delegates.list`, each `accepted`, `pending`,
`rejected` or `expired`, and only an accepted one reads [M].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.connections.dialects.audience import person
from apps.connections.dialects.granting import place
from apps.connections.protocol import Level, RemoteAcl, RemoteEntry


@dataclass(frozen=True, slots=True)
class Delegate:
    """One delegate, as `settings.delegates.list` tells it."""

    email: str
    verification_status: str


def readers(address: str, delegates: Iterable[Delegate] = ()) -> RemoteAcl:
    """Return the place of a mailbox."""
    accepted = [d.email for d in delegates if d.verification_status == "accepted"]
    owner = RemoteEntry(person(address), level=Level.WRITE)
    others = (RemoteEntry(person(email), level=Level.WRITE) for email in accepted)
    return place(f"mailbox:{address.lower()}", [owner, *others], label=address)
