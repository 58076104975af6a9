"""Everything, in pages that can be laid down and taken up: first people and groups, then logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.connections.errors import (
    ConnectorError,
    CredentialsRejected,
    CursorExpired,
    ItemForbidden,
    ItemGone,
)
from apps.connections.protocol import Cursor, Page, Problem
from apps.connections.providers.google_drive.draft import Draft
from apps.connections.providers.google_drive.logs import Log, Logs
from apps.connections.providers.google_drive.tree import Tree

PAGE_ITEMS = 500
_PAGE_GROUPS = 50
# Sorts before every address: people are told, and no group is.
_NO_GROUP = " "


@dataclass(frozen=True, slots=True)
class Step:
    """Where a listing stands.

    Attributes:
        log: the one to be listed next, or further; "" before the first.
        page: token of its next page.
        groups_after: the address of the last group told; None when people are all told.
    """

    log: str = ""
    page: str = ""
    groups_after: str | None = None

    @classmethod
    def at(cls, cursor: Cursor | None, *, tells_people: bool) -> Step:
        """Return where a cursor points.

        Raises:
            CursorExpired: it is not one of this connector's.
        """
        if cursor is None:
            return cls(groups_after="" if tells_people else None)
        log, page, groups = (cursor.get(name) for name in ("log", "page", "groups"))
        if not isinstance(log, str) or not isinstance(page, str):
            raise CursorExpired("The stored position is not one of this connector's.")
        return cls(log, page, groups if isinstance(groups, str) else None)

    def cursor(self) -> Cursor:
        """Return it as it is stored."""
        return {"log": self.log, "page": self.page, "groups": self.groups_after}


@dataclass
class Listing:
    """A listing of an account.

    Args:
        logs: of the account.
        is_light: permissions only, people and groups before them.
    """

    logs: Logs
    is_light: bool = False

    def __post_init__(self) -> None:
        self.tree = Tree(self.logs)

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Yield pages from where the cursor points; the last one has none."""
        step = Step.at(cursor, tells_people=self.is_light)
        if step.groups_after is not None:
            yield from self._people(step.groups_after)
        names = self.logs.names()
        left = [name for name in names if name >= step.log]
        for number, name in enumerate(left):
            following = left[number + 1] if number + 1 < len(left) else ""
            page = step.page if name == step.log else ""
            yield from self.of_log(name, page, following)
        if not left:
            yield Draft(self.tree, datetime.now(UTC)).finish()

    def of_log(self, name: str, page: str, following: str = "") -> Iterator[Page]:
        """Yield the pages of one log.

        Args:
            name: of the log.
            page: token to begin with.
            following: the log that comes next; "" for none.
        """
        end = Step(following).cursor() if following else None
        draft = Draft(self.tree, datetime.now(UTC), is_light=self.is_light)
        try:
            log = self.logs.log(name)
            if log.drive_id and not page:
                draft.add_drive(log)
            while True:
                page = self._list(draft, log, page)
                yield draft.finish(cursor=Step(name, page).cursor() if page else end)
                if not page:
                    return
                draft = Draft(self.tree, datetime.now(UTC), is_light=self.is_light)
        except (CredentialsRejected, ItemForbidden, ItemGone) as error:
            if isinstance(error, CredentialsRejected) and not self.logs.acts_for_others:
                raise
            draft = Draft(self.tree, datetime.now(UTC))
            draft.add_problem(unreadable(name, error))
            yield draft.finish(cursor=end)

    def _list(self, draft: Draft, log: Log, page: str) -> str:
        """Add a page of a log's items; return the token of the next."""
        query = self.logs.query(log)
        try:
            found = log.client.files(query, drive_id=log.drive_id, page=page, size=PAGE_ITEMS)
        except CursorExpired:
            if not page:
                raise
            # Such tokens last for hours only: this log is listed from its beginning.
            found = log.client.files(query, drive_id=log.drive_id, size=PAGE_ITEMS)
        files = [file for file in found.files if self.logs.covers(log, file)]
        self.tree.learn(log, files, draft.observed_at)
        for file in files:
            draft.add(file, log)
        return found.next

    def _people(self, after: str) -> Iterator[Page]:
        people = self.logs.people
        groups = [group for group in people.groups.values() if group.email > after]
        if not after:
            draft = Draft(self.tree, people.read_at)
            draft.add_groups(list(people.everybody()))
            yield draft.finish(cursor=Step(groups_after=_NO_GROUP if groups else None).cursor())
        for start in range(0, len(groups), _PAGE_GROUPS):
            batch = groups[start : start + _PAGE_GROUPS]
            draft = Draft(self.tree, people.read_at)  # people were read before their groups
            draft.add_groups([told for each in batch if (told := people.listed(each)) is not None])
            is_last = start + _PAGE_GROUPS >= len(groups)
            told_until = None if is_last else batch[-1].email
            yield draft.finish(cursor=Step(groups_after=told_until).cursor())


def unreadable(name: str, error: ConnectorError) -> Problem:
    """Return what an admin should know of a log that could not be read."""
    return Problem(
        name,
        error.code,
        f"{name} could not be read: {error}",
        error.hint,
    )
