"""Items of which only the id is known: whom to ask about them, and where they belong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from apps.connections.errors import CredentialsRejected, ItemForbidden, ItemGone
from apps.connections.protocol import Recall
from apps.connections.providers.google_drive.answers import File
from apps.connections.providers.google_drive.logs import Log, Logs, name_of_drive

# Of how many people a service account asks whether they still see an item of which nothing is
# known. Who has a document at home in somebody's Drive is known, and asked first.
MOST_ASKED = 100


@dataclass(frozen=True, slots=True)
class Found:
    """An item, seen by who reads the log that it belongs to.

    Attributes:
        log: None where it belongs to none that is synced.
    """

    file: File
    log: Log | None
    observed_at: datetime


def recall_nothing(_: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Know of no item."""
    return {}


@dataclass
class Lookup:
    """Finds items of one account.

    Args:
        logs: of the account.
        recall: what was told of items before.
    """

    logs: Logs
    recall: Recall = recall_nothing
    _homes: dict[str, str] = field(default_factory=dict)

    def homes(self, external_ids: Sequence[str]) -> dict[str, str]:
        """Return in which log items were, as far as they are known documents."""
        asked = [name for name in external_ids if name not in self._homes]
        if asked:
            told = self.recall(asked)
            self._homes |= {name: str(told.get(name, {}).get("home", "")) for name in asked}
        return {name: self._homes[name] for name in external_ids if self._homes[name]}

    def note(self, external_id: str, log: Log) -> None:
        """Remember in which log an item has just been told."""
        self._homes[external_id] = log.home

    @property
    def can_ask_all(self) -> bool:
        """Whether nobody is left out when all are asked whether they see an item."""
        return not self.logs.acts_for_others or len(self.logs.active_people()) <= MOST_ASKED

    def find(self, external_id: str) -> Found | None:
        """Return an item as it is now; None when nobody who could be asked sees it."""
        asked: set[str] = set()
        for log in self._candidates(external_id):
            if log.asks_as.id in asked:
                continue
            asked.add(log.asks_as.id)
            found = self._seen(external_id, log)
            if found is not None:
                return found
        return None

    def reader(self, external_id: str) -> Found:
        """Return an item that is synced.

        Raises:
            ItemGone: it is not there any more, or not synced.
        """
        found = self.find(external_id)
        if found is None or found.log is None or found.file.is_trashed:
            raise ItemGone("Google Drive has it no more.", external_id=external_id)
        return found

    def _seen(self, external_id: str, log: Log) -> Found | None:
        """Return an item that a log's reader sees, as its own log's reader sees it."""
        observed_at = datetime.now(UTC)
        try:
            file = log.client.file(external_id)
        except (ItemGone, ItemForbidden):
            return None
        except CredentialsRejected:
            if not self.logs.acts_for_others:
                raise
            return None
        own = log if self.logs.covers(log, file) else self._log_of(file)
        if own is not None and own.name != log.name:
            try:
                return Found(own.client.file(external_id), own, observed_at)
            except (ItemGone, ItemForbidden):
                return None
        return Found(file, own if own and self.logs.is_synced(own) else None, observed_at)

    def _log_of(self, file: File) -> Log | None:
        try:
            return self.logs.of_file(file)
        except (ItemGone, ItemForbidden):
            return None

    def _candidates(self, external_id: str) -> Iterator[Log]:
        """Yield in whose name to ask, the likeliest first."""
        if not self.logs.acts_for_others:
            yield self.logs.log(f"user:{self.logs.me.email}")
            return
        home = self.homes([external_id]).get(external_id)
        known = self.logs.home(home) if home else None
        if known is not None:
            yield known
        for drive_id in self.logs.drives:
            log = self.logs.home(name_of_drive(drive_id))
            if log is not None:
                yield log
        for user in self.logs.active_people()[:MOST_ASKED]:
            yield self.logs.log(f"user:{user.email}")
