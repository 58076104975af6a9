"""What a run has changed, counted in the run and listed beside it, up to a limit for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from apps.acls.record import AclIds
from apps.documents.changes import Changes, Named
from apps.sync_events.models import RunChange, SyncRun

# More than these of one kind and run are only counted: the list is for looking, not for keeping.
LISTED = 200


@dataclass(slots=True)
class PermissionChanges:
    """What the permissions of one page changed.

    Attributes:
        recorded: what became of its groups and places, where it told of any.
        documents: whose readers it told by item.
    """

    recorded: AclIds | None = None
    documents: Changes = field(default_factory=Changes)

    @property
    def count(self) -> int:
        """Return how many members, places (each of their entries) and documents differ."""
        changed = len(self.documents.other_readers)
        if self.recorded is not None:
            places = max(self.recorded.grants_changed, len(self.recorded.changed_places))
            changed += places + self.recorded.members_changed
        return changed


def note(run: SyncRun, changes: Changes, permitted: PermissionChanges | None = None) -> None:
    """Add a page's changes to its run, which the caller saves.

    Args:
        run: locked.
        changes: of the page's documents.
        permitted: of its permissions.
    """
    kinds = RunChange.Kind
    others = [*changes.other_readers, *(permitted.documents.other_readers if permitted else ())]
    _list(run, kinds.ADDED, changes.created, already=run.added)
    _list(run, kinds.UPDATED, changes.updated, already=run.updated)
    _list(run, kinds.MOVED, changes.moved, already=run.moved)
    _list(run, kinds.DELETED, changes.deleted, already=run.deleted)
    _list(run, kinds.PERMISSIONS, others, already=run.permissions_changed)
    run.added += len(changes.created)
    run.updated += len(changes.updated)
    run.moved += len(changes.moved)
    run.deleted += len(changes.deleted)
    run.permissions_changed += len(changes.other_readers) + (permitted.count if permitted else 0)


def _list(run: SyncRun, kind: RunChange.Kind, found: Sequence[Named], *, already: int) -> None:
    RunChange.objects.bulk_create(
        RunChange(
            tenant_id=run.tenant_id,
            run=run,
            kind=kind,
            document_uuid=one.uuid,
            external_id=one.external_id,
        )
        for one in found[: max(0, LISTED - already)]
    )
