"""What a run has changed, for its page: five groups with their counts and the first documents."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import intcomma

from apps.documents.models import Document
from apps.sync_events.models import RunChange, SyncRun

# Each kind with the run's count of it.
_GROUPS = (
    (RunChange.Kind.ADDED, "added"),
    (RunChange.Kind.UPDATED, "updated"),
    (RunChange.Kind.MOVED, "moved"),
    (RunChange.Kind.DELETED, "deleted"),
    (RunChange.Kind.PERMISSIONS, "permissions_changed"),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One document: the source's own name for it, and its row where there still is one."""

    external_id: str
    pk: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """What became the same of documents."""

    kind: str
    name: str
    count: int
    listed: list[Listed]

    @property
    def more(self) -> str:
        """Say what is counted and not listed, or an empty text."""
        left = max(0, self.count - len(self.listed))
        if not left:
            return ""
        if self.kind == RunChange.Kind.PERMISSIONS:
            also = f"and {intcomma(left)} more" if self.listed else intcomma(left)
            return f"{also}, counting places, their entries and members of groups"
        return f"and {intcomma(left)} more"


def of(run: SyncRun) -> list[Group]:
    """Return the groups of a run, empty ones too, in two statements.

    Of somebody's own account they are counted and not named.
    """
    named = run.changes.filter(run__connection__owner=None).order_by("pk")
    changes = list(named.values_list("kind", "document_uuid", "external_id"))
    uuids = {uuid for _, uuid, _ in changes}
    known = Document.objects.without_canaries().filter(uuid__in=uuids)
    rows = dict(known.values_list("uuid", "pk"))
    listed: dict[str, list[Listed]] = defaultdict(list)
    for kind, uuid, external_id in changes:
        listed[kind].append(Listed(external_id, rows.get(uuid)))
    return [
        Group(kind.value, str(kind.label), getattr(run, counted), listed[kind.value])
        for kind, counted in _GROUPS
    ]
