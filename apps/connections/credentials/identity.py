"""What tells one account of a source from another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountIdentity:
    """What tells one account from another.

    Attributes:
        subject: whom the source says it is; empty where it does not say.
        item_space: where the ids of what it sees are unique.
    """

    subject: str
    item_space: str

    def may_be(self, other: AccountIdentity) -> bool:
        """Return whether both may be one account: nothing that is known of both differs."""
        pairs = ((self.subject.casefold(), other.subject.casefold()),
                 (self.item_space, other.item_space))  # fmt: skip
        return all(mine == theirs or not mine or not theirs for mine, theirs in pairs)
