"""Verbs about people and user groups."""

from __future__ import annotations

from collections.abc import Iterable

from apps.ops.sandbox.slack import shapes
from apps.ops.sandbox.slack.records import Guest, Person, UserGroup
from apps.ops.sandbox.slack.state import Refused, State, locked


class PeopleVerbs(State):
    """Who is in the workspace."""

    @locked
    def add_person(
        self, name: str, email: str, *, guest: Guest = Guest.NO, admin: bool = False
    ) -> Person:
        """Give somebody an account; full members join the general channel."""
        return self._add(
            Person(self.new_id("U"), name, email, self.team_id, guest=guest, is_admin=admin)
        )

    @locked
    def add_stranger(self, name: str, email: str, team_id: str = "") -> Person:
        """Make a person of another workspace known, to be met in Slack Connect channels."""
        team_id = team_id or self.new_id("T")
        return self._add(Person(self.new_id("U"), name, email, team_id))

    @locked
    def add_bot(self, name: str) -> Person:
        """Add the account of an app, without an address."""
        return self._add(Person(self.new_id("U"), name, "", self.team_id, is_bot=True))

    @locked
    def change_person(self, person_id: str, *, name: str = "", email: str = "") -> None:
        """Change a name or an address; what is left out stays."""
        person = self.person(person_id)
        person.name = name or person.name
        person.email = email or person.email
        self._tell_person(person)

    @locked
    def set_guest(self, person_id: str, guest: Guest) -> None:
        """Make a member a guest, or a guest a member."""
        person = self.person(person_id)
        person.guest = guest
        self._tell_person(person)

    @locked
    def deactivate(self, person_id: str) -> None:
        """Close an account. Its messages and memberships stay, it reads nothing any more."""
        person = self.person(person_id)
        person.is_deleted = True
        self._tell_person(person)

    @locked
    def reactivate(self, person_id: str) -> None:
        """Open a closed account again."""
        person = self.person(person_id)
        person.is_deleted = False
        self._tell_person(person)

    @locked
    def add_group(self, handle: str, name: str, member_ids: Iterable[str] = ()) -> UserGroup:
        """Create a user group.

        Raises:
            Refused: the handle is taken.
        """
        if any(group.handle == handle for group in self.groups.values()):
            raise Refused(f"there is a group {handle!r}")
        now = self.now_s()
        group = UserGroup(self.new_id("S"), handle, name, [], now, now)
        group.member_ids = [self.person(each).id for each in member_ids]
        group.creator_id = next(iter(self.people), group.creator_id)
        self.groups[group.id] = group
        self.outbox.put({"type": "subteam_created", "subteam": shapes.group(self, group)})
        return group

    @locked
    def set_group_members(self, group_id: str, member_ids: Iterable[str]) -> None:
        """Say anew who is in a user group."""
        group = self.group(group_id)
        before, after = set(group.member_ids), {self.person(each).id for each in member_ids}
        group.member_ids = sorted(after)
        group.updated_at = self.now_s()
        self.outbox.put(
            {
                "type": "subteam_members_changed",
                "subteam_id": group.id,
                "team_id": self.team_id,
                "date_previous_update": group.updated_at,
                "date_update": group.updated_at,
                "added_users": sorted(after - before),
                "added_users_count": str(len(after - before)),
                "removed_users": sorted(before - after),
                "removed_users_count": str(len(before - after)),
            }
        )

    @locked
    def disable_group(self, group_id: str) -> None:
        """Switch a user group off."""
        group = self.group(group_id)
        group.is_disabled = True
        group.updated_at = self.now_s()
        self.outbox.put({"type": "subteam_updated", "subteam": shapes.group(self, group)})

    def _add(self, person: Person) -> Person:
        person.updated_at = self.now_s()
        self.people[person.id] = person
        is_member = person.team_id == self.team_id and not person.guest and not person.is_bot
        if is_member:
            for channel in self.channels.values():
                if channel.is_general:
                    channel.member_ids.append(person.id)
        self.outbox.put({"type": "team_join", "user": shapes.person(self, person)})
        return person

    def _tell_person(self, person: Person) -> None:
        person.updated_at = self.now_s()
        self.outbox.put(
            {
                "type": "user_change",
                "user": shapes.person(self, person),
                "cache_ts": person.updated_at,
            }
        )
