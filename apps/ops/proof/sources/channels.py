"""Sources with one list for each container: Slack, repositories, mailboxes, audiences."""

from __future__ import annotations

from datetime import datetime
from random import Random

from apps.connections.dialects import audience, flat, mailbox, slack
from apps.connections.dialects.audiences import MEMBERS
from apps.ops.proof.source import PEOPLE, Asker, Told
from apps.ops.proof.sources.directory import plain_principals
from apps.ops.proof.sources.intersections import NamedSets

_BY_NAME = plain_principals()


class SlackSource(NamedSets):
    """A file stands in channels; whoever is in one of them reads it."""

    dialect = "slack"
    _CHANNELS = ("general", "random", "board", "direct")

    def __init__(self, rng: Random) -> None:
        self.private = {"board", "direct"}
        self.standing: dict[str, set[str]] = {}
        super().__init__(rng)

    def names(self) -> list[str]:
        """Return the channels."""
        return list(self._CHANNELS)

    def change_otherwise(self, rng: Random) -> str:
        """Share a file to a channel or take it away, or make a channel private or public."""
        channel = rng.choice(self._CHANNELS)
        if rng.random() < 0.3:
            self.private ^= {channel}
            return f"{channel} is {'private' if channel in self.private else 'public'}"
        if not self.tree.files:
            return "nothing"
        file = rng.choice(self.tree.files)
        self.standing.setdefault(file, set())
        self.standing[file] ^= {channel}
        return f"{file} stands in {self.standing[file]}"

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Answer by channels: public ones are for full members and whoever is in them."""
        return any(
            self.holds(channel, asker) or (channel not in self.private and not asker.is_guest)
            for channel in (self.standing.get(item, set()) if item in self.tree.files else ())
        )

    def told(self) -> Told:
        """Tell channels with their members, and where each file stands."""
        acls = [
            slack.channel(name, self.remote(name), is_private=name in self.private)
            for name in self._CHANNELS
        ]
        items = {
            file: slack.policy(sorted(self.standing.get(file, ()))) for file in self.tree.files
        }
        return self.tell(items, acls)


class FlatSource(NamedSets):
    """A repository, board or team with one list; some are for all members."""

    dialect = "flat"

    def __init__(self, rng: Random) -> None:
        self.visibility: dict[str, str] = {}
        super().__init__(rng)

    def names(self) -> list[str]:
        """Return the repositories: one for each folder."""
        return self.tree.folders

    def change_otherwise(self, rng: Random) -> str:
        """Open or close a repository."""
        name = rng.choice(self.tree.folders)
        self.visibility[name] = rng.choice(["public", "internal", "private", "unheard-of"])
        return f"{name} is {self.visibility[name]}"

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Answer by the repository's list and visibility."""
        if item not in self.tree.files:
            return False
        repository = self.tree.parents[item] or ""
        is_open = self.visibility.get(repository) in {"public", "internal"}
        return self.holds(repository, asker) or (is_open and not asker.is_guest)

    def told(self) -> Told:
        """Tell the repositories."""
        acls = [
            flat.readers(
                name,
                [flat.Reader(each) for each in self.remote(name)],
                all_members=flat.is_for_all_members(self.visibility.get(name, "private")),
            )
            for name in self.tree.folders
        ]
        items = {file: ((self.tree.parents[file] or "",),) for file in self.tree.files}
        return self.tell(items, acls)


class MailboxSource(NamedSets):
    """Mailboxes: the owner, and delegates who accepted."""

    dialect = "mailbox"

    def __init__(self, rng: Random) -> None:
        self.delegates: dict[tuple[str, str], str] = {}
        super().__init__(rng)

    def identity(self, person: str) -> str:
        """Return the address."""
        return f"{person}@mail.example"

    def names(self) -> list[str]:
        """Return nothing of use: mailboxes have no sets."""
        return ["unused"]

    def change_otherwise(self, rng: Random) -> str:
        """Invite a delegate, or change what became of an invitation."""
        owner, other = rng.sample(PEOPLE, k=2)
        status = rng.choice(["accepted", "accepted", "pending", "rejected", "expired"])
        self.delegates[(owner, other)] = status
        return f"{other} is {status} for {owner}"

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Answer for the owner and accepted delegates."""
        owner = self._owner(item)
        accepted = {o for (w, o), s in self.delegates.items() if w == owner and s == "accepted"}
        return item in self.tree.files and not asker.identities.isdisjoint({owner} | accepted)

    def told(self) -> Told:
        """Tell the mailboxes."""
        acls = [
            mailbox.readers(
                self.identity(owner),
                [
                    mailbox.Delegate(self.identity(other), status)
                    for (whose, other), status in self.delegates.items()
                    if whose == owner
                ],
            )
            for owner in PEOPLE
        ]
        items = {
            file: ((f"mailbox:{self.identity(self._owner(file))}",),) for file in self.tree.files
        }
        people = tuple(audience.person(self.identity(name)) for name in PEOPLE)
        return Told(items=items, principals=people, acls=tuple(acls))

    def _owner(self, file: str) -> str:
        return PEOPLE[int(file.rpartition("-")[2]) % len(PEOPLE)]


class AudienceSource(NamedSets):
    """A bucket whose readers the admin sets by prefix: the nearest list counts."""

    dialect = "audience"

    def names(self) -> list[str]:
        """Return the prefixes that have a list."""
        return self.tree.folders

    def change_otherwise(self, rng: Random) -> str:
        """Open a prefix to all members, or to nobody in particular."""
        name = rng.choice(self.tree.folders)
        self.sets.setdefault(name, set())
        self.sets[name] ^= {"members"}
        return f"{name} is for {self.sets[name]}"

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Answer by the nearest prefix with a list."""
        if item not in self.tree.files:
            return False
        for name in list(self.tree.upwards(item))[1:]:
            if name in self.sets:
                is_for_all = "members" in self.sets[name] and not asker.is_guest
                return is_for_all or self.directory.is_one_of(asker, self.sets[name] - {"members"})
        return False

    def told(self) -> Told:
        """Tell the prefixes that have a list; a file follows the nearest."""
        acls = [
            audience.readers(
                name,
                [
                    MEMBERS if each == "members" else _BY_NAME[each]
                    for each in sorted(self.sets[name])
                ],
            )
            for name in self.tree.folders
            if name in self.sets
        ]
        items = {}
        for file in self.tree.files:
            near = next((n for n in list(self.tree.upwards(file))[1:] if n in self.sets), None)
            items[file] = ((near,),) if near else ()
        return self.tell(items, acls)
