"""The logs of changes, read from where they were left, and what they do not say.

A log names an item once, as it is now. It does not name what is *in* a folder that was shared anew,
moved, put into the trash or taken out of it. Readers follow by the place tree; for the rest the
folder's subtree is listed again. That, and which logs there are, are positions of this connector's
own: "subtree:<folder>", "listing:<log>" for one that is new, and "logs".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from apps.connections.errors import CredentialsRejected, ItemForbidden, ItemGone
from apps.connections.protocol import Page
from apps.connections.providers.google_drive.answers import Change, File
from apps.connections.providers.google_drive.draft import Draft
from apps.connections.providers.google_drive.listing import Listing, unreadable
from apps.connections.providers.google_drive.logs import Log, Logs, drive_of, name_of_drive
from apps.connections.providers.google_drive.lookup import Lookup
from apps.connections.providers.google_drive.subtree import SUBTREE, Subtrees
from apps.connections.providers.google_drive.tree import Tree, my_drive

LOGS = "logs"
LISTING = "listing:"
PAGE_CHANGES = 500
Positions = dict[str, str | None]


@dataclass
class Follower:
    """Reads the logs of one account.

    Args:
        logs: of the account.
        lookup: finds items of which only the id is known.
    """

    logs: Logs
    lookup: Lookup
    _told_drives: set[str] = field(default_factory=set)

    def positions(self) -> dict[str, str]:
        """Return where every log ends now, and which ones there are."""
        found = {LOGS: json.dumps(self.logs.homes())}
        for name in self.logs.names():
            token = self._end_of(name)
            if token is not None:
                found[name] = token
        return found

    def pages(self, positions: Mapping[str, str]) -> Iterator[Page]:
        """Yield what has changed: logs first, then what they make worth another look.

        Raises:
            CursorExpired: a log is known no more from where it was left.
        """
        work = {name: told for name, told in positions.items() if _is_own_work(name)}
        if LOGS in positions:
            page = self._new_and_lost(json.loads(positions[LOGS]))
            work |= _own_work(page)
            yield page
        for name, position in positions.items():
            if name == LOGS or _is_own_work(name):
                continue
            if name not in self.logs.names():  # dropped by what "logs" says
                yield self._draft().finish(positions={name: None})
                continue
            for page in self._log(name, position):
                work |= _own_work(page)
                yield page
        for name, position in work.items():
            yield from self._worked_on(name, position)

    def _worked_on(self, name: str, position: str) -> Iterator[Page]:
        if name.startswith(SUBTREE):
            yield from Subtrees(Tree(self.logs)).pages(name, position)
            return
        listed = name.removeprefix(LISTING)
        for page in Listing(self.logs).of_log(listed, position):
            token = page.cursor["page"] if page.cursor else None
            yield replace(page, cursor=None, positions={name: token})

    def _end_of(self, name: str) -> str | None:
        """Return where a log ends; None where nobody may read it, which each sweep tells."""
        try:
            log = self.logs.log(name)
            return log.client.start_token(log.drive_id)
        except (CredentialsRejected, ItemForbidden, ItemGone):
            if not self.logs.acts_for_others:
                raise
            return None

    def _new_and_lost(self, known: Mapping[str, str]) -> Page:
        """Begin logs that are new, and drop what belongs to those that are no more."""
        draft, own = self._draft(), Positions()
        homes = self.logs.homes()
        for name in homes.keys() - known.keys():
            token = self._end_of(name)
            if token is None:
                del homes[name]  # to be tried again
            else:
                own |= {name: token, f"{LISTING}{name}": ""}
        for name in known.keys() - homes.keys():
            own |= {name: None, f"{LISTING}{name}": None}
            if drive_of(name):
                draft.add_gone_place(drive_of(name))
            elif not self.logs.is_suspended(known[name]):
                draft.add_gone_place(my_drive(known[name]))
        return draft.finish(positions={LOGS: json.dumps(homes), **own})

    def _log(self, name: str, position: str) -> Iterator[Page]:
        try:
            log = self.logs.log(name)
            is_last = False
            while not is_last:
                draft = self._draft()
                found = log.client.changes(position, drive_id=log.drive_id, size=PAGE_CHANGES)
                own = self._tell(draft, log, found.changes)
                position, is_last = found.next, found.is_last
                yield draft.finish(positions={name: position, **own})
        except (CredentialsRejected, ItemForbidden, ItemGone) as error:
            if isinstance(error, CredentialsRejected) and not self.logs.acts_for_others:
                raise
            draft = self._draft()
            draft.add_problem(unreadable(name, error))
            yield draft.finish(positions={name: position})

    def _tell(self, draft: Draft, log: Log, changes: Sequence[Change]) -> Positions:
        """Add what a page of a log says; return the subtrees that are to be listed again."""
        own, removed = Positions(), dict[str, None]()
        files = [each.file for each in changes if each.file is not None and not each.is_removed]
        self.lookup.homes([file.id for file in files if not self.logs.covers(log, file)])
        draft.tree.learn(log, files, draft.observed_at)
        for change in changes:
            file = None if change.is_removed else change.file
            if change.is_drive:
                self._tell_drive(draft, change)
            elif file is None or self._has_left(log, file):
                removed[change.file_id] = None
            elif self.logs.covers(log, file):
                own |= self._tell_file(draft, log, file)
        homes = self.lookup.homes(list(removed))
        for external_id in removed:
            if homes.get(external_id, log.home) == log.home:  # others tell of theirs themselves
                own |= self._tell_removed(draft, external_id)
        return own

    def _tell_drive(self, draft: Draft, change: Change) -> None:
        """Tell who is in a shared drive. That it is gone is told by the list of all drives."""
        name = name_of_drive(change.drive_id)
        if change.is_removed or name in self._told_drives or name not in self.logs.names():
            return
        self._told_drives.add(name)
        draft.add_drive(self.logs.log(name))

    def _tell_file(self, draft: Draft, log: Log, file: File) -> Positions:
        if file.is_trashed or not file.is_folder:
            draft.add(file, log)
            self.lookup.note(file.id, log)
            return {}
        node = draft.add_folder(file, log)
        if node is not None:
            return {f"{SUBTREE}{file.id}": Subtrees.begin(log.name, file.id)}
        if not self._holds_picked(file.id, log):
            draft.add_gone_place(file.id, file.name)
        return {}

    def _tell_removed(self, draft: Draft, external_id: str) -> Positions:
        """Tell what a log has lost. Of what is no document, others may still see it."""
        if self.lookup.homes([external_id]):
            draft.add_gone_id(external_id)
            return {}
        found = self.lookup.find(external_id)
        if found is None or found.log is None:
            # Where not everybody was asked, the next comparison of everything decides.
            if found is not None or self.lookup.can_ask_all:
                draft.add_vanished(external_id)
            return {}
        draft.observed_at = min(draft.observed_at, found.observed_at)
        return self._tell_file(draft, found.log, found.file)

    def _has_left(self, log: Log, file: File) -> bool:
        """Return whether an item that was a log's own has moved to where the log is not asked."""
        if self.logs.covers(log, file):
            return False
        return bool(log.drive_id) or self.lookup.homes([file.id]).get(file.id) == log.home

    def _holds_picked(self, folder_id: str, log: Log) -> bool:
        """Return whether a picked folder lies below another one."""
        for drive_id, picked in self.logs.settings.scope.folders:
            node = Tree(self.logs).node(picked, log) if drive_id == log.drive_id else None
            if node is not None and any(each.file.id == folder_id for each in node.line()):
                return True
        return False

    def _draft(self) -> Draft:
        """Begin a page, with no folder known: a change says what is now."""
        return Draft(Tree(self.logs), datetime.now(UTC))


def _is_own_work(name: str) -> bool:
    return name.startswith((SUBTREE, LISTING))


def _own_work(page: Page) -> dict[str, str]:
    return {
        name: told
        for name, told in page.positions.items()
        if told is not None and _is_own_work(name)
    }
