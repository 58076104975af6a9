"""The form of the page “What would change if”: names as people know them, found in the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django import forms
from django.db.models import Q
from typing_extensions import override
from unfold import widgets

from apps.acls.models import NESTING_KINDS, Acl, Principal
from apps.acls.whatif import Attempt, Deletion, Grant, Membership
from apps.connections.models import Connection

JOINS, LEAVES, DELETED = "joins", "leaves", "deleted"
GRANTS = {
    "allow": ("An entry that lets somebody read is added", True, True),
    "unallow": ("An entry that lets somebody read is removed", True, False),
    "deny": ("An entry that denies somebody is added", False, True),
    "undeny": ("An entry that denies somebody is removed", False, False),
}
_CHANGES = [
    (JOINS, "Somebody joins a group"),
    (LEAVES, "Somebody leaves a group"),
    (DELETED, "A group is deleted"),
    *((name, words) for name, (words, _, _) in GRANTS.items()),
]
Row = TypeVar("Row", Principal, Acl)
_TEXT = widgets.UnfoldAdminTextInputWidget


class WhatIfForm(forms.Form):
    """Which change is tried out."""

    change = forms.ChoiceField(
        label="What changes",
        choices=_CHANGES,
        widget=widgets.UnfoldAdminSelectWidget(choices=_CHANGES),
    )
    source = forms.ModelChoiceField(
        label="In which source",
        queryset=Connection.objects.none(),
        empty_label="Choose a source",
        widget=widgets.UnfoldAdminSelectWidget(),
    )
    group = forms.CharField(
        label="Group",
        max_length=500,
        required=False,
        widget=_TEXT(),
        help_text="Its name in the source.",
    )
    principal = forms.CharField(
        label="Person or group concerned",
        max_length=500,
        required=False,
        widget=_TEXT(),
        help_text="A name or an e-mail address as the source has it.",
    )
    place = forms.CharField(
        label="Place",
        max_length=2000,
        required=False,
        widget=_TEXT(),
        help_text="A folder or another place, as “Places and readers” lists it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source: Any = self.fields["source"]
        source.queryset = Connection.objects.order_by("name")
        self.attempt: Attempt | None = None

    @override
    def clean(self) -> dict[str, Any]:
        """Find what the names mean."""
        told = super().clean() or self.cleaned_data
        if not self.errors:
            self.attempt = self._attempt(told["change"], told["source"].realm)
        return told

    def _attempt(self, change: str, realm: str) -> Attempt | None:
        if change in GRANTS:
            _, is_allowed, is_added = GRANTS[change]
            place, concerned = self._place(realm), self._principal("principal", realm)
            if place is None or concerned is None:
                return None
            return Grant(place, concerned, is_allowed=is_allowed, is_added=is_added)
        group = self._principal("group", realm, kinds=NESTING_KINDS)
        if group is None or change == DELETED:
            return None if group is None else Deletion(group)
        member = self._principal("principal", realm)
        return None if member is None else Membership(group, member, is_added=change == JOINS)

    def _principal(self, field: str, realm: str, kinds: Sequence[str] = ()) -> Principal | None:
        name = self.cleaned_data[field].strip()
        rows = Principal.objects.filter(realm=realm, deleted_at=None)
        rows = rows.filter(kind__in=kinds) if kinds else rows
        named = Q(label__iexact=name) | Q(email__iexact=name) | Q(external_id=name)
        return self._only(field, name, list(rows.filter(named).order_by("pk")[:2]))

    def _place(self, realm: str) -> Acl | None:
        name = self.cleaned_data["place"].strip()
        rows = Acl.objects.filter(realm=realm)
        named = Q(label=name) | Q(external_id=name)
        return self._only("place", name, list(rows.filter(named).order_by("pk")[:2]))

    def _only(self, field: str, name: str, found: list[Row]) -> Row | None:
        if not name:
            self.add_error(field, "This change needs it.")
        elif not found:
            self.add_error(field, f"The source names no “{name}”.")
        elif len(found) > 1:
            self.add_error(field, f"More than one has the name “{name}”: give its id instead.")
        return found[0] if name and len(found) == 1 else None
