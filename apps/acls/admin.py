"""Who is named in the sources, and whom each place lets read. Read-only: the sources decide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import (
    Count,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    QuerySet,
    Subquery,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.decorators import display

from apps.acls import (  # noqa: F401  they register their pages
    class_rules_admin,
    member_admin,
    people_alias_admin,
    people_domain_admin,
)
from apps.acls.models import NESTING_KINDS, Acl, AclEntry, Claim, Edge, Principal
from apps.audit.model_admin import EvidenceAdmin, label
from apps.connections.models import Connection
from apps.connections.protocol import Form, Mode, PrincipalKind

# How many names a list shows, and an object's page.
IN_LISTS = 4
ON_PAGES = 200

_KINDS = {
    PrincipalKind.USER: "Person",
    PrincipalKind.GROUP: "Group",
    PrincipalKind.DOMAIN: "Domain",
    PrincipalKind.MEMBERS: "All members",
    PrincipalKind.EVERYONE: "Everyone, guests too",
    PrincipalKind.LINK: "Link",
}


class SourceFilter(admin.SimpleListFilter):
    """What one connection names."""

    title = "source"
    parameter_name = "source"

    @override
    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the connections of the tenant."""
        named = Connection.objects.order_by("name").values_list("pk", "name")
        return [(str(pk), name) for pk, name in named]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is in the realm of the chosen connection."""
        value = self.value()
        if value not in dict(self.lookup_choices):
            return queryset
        return queryset.filter(realm__in=Connection.objects.filter(pk=value).values("realm"))


class KindFilter(admin.SimpleListFilter):
    """People, groups, or dynamic sets of people."""

    title = "kind"
    parameter_name = "kind"

    @override
    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the kinds in words."""
        return [(kind.value, words) for kind, words in _KINDS.items()]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the chosen kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Principal)
class PrincipalAdmin(EvidenceAdmin):
    """People and groups as the sources name them, and who is recognised as whom."""

    page_title = "People and groups"
    list_display = ("name_in_source", "kind_in_words", "source", "member_count", "claimed_by")
    list_filter = (SourceFilter, KindFilter)
    search_fields = ("label", "email", "external_id")
    search_help_text = "Search by name or e-mail address"
    ordering = ("label", "external_id")
    sortable_by = ("name_in_source",)
    fields = (
        "name_in_source",
        "kind_in_words",
        "source",
        "email",
        "claimed_by",
        "groups_above",
        "members",
        "places",
    )
    empty_hint = "Once a source is connected and synced, the people and groups it names stand here."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Principal]:
        """Return principals with their source's name, their size and who holds them."""
        members = Edge.objects.filter(group=OuterRef("pk")).order_by().values("group")
        live = Claim.objects.filter(ended_at=None).select_related("user")
        found: QuerySet[Principal] = super().get_queryset(request)
        return (
            found.filter(deleted_at=None)
            .annotate(
                source_name=_source_name(),
                size=Coalesce(
                    Subquery(
                        members.annotate(n=Count("*")).values("n"), output_field=IntegerField()
                    ),
                    0,
                ),
            )
            .prefetch_related(Prefetch("claims", queryset=live, to_attr="live_claims"))
        )

    @display(description="Name", ordering="label")
    def name_in_source(self, principal: Principal) -> str:
        """Return what the source calls it."""
        return str(principal)

    @display(description="Kind")
    def kind_in_words(self, principal: Principal) -> str:
        """Return the kind in words."""
        return _KINDS.get(PrincipalKind(principal.kind), principal.kind)

    @display(description="Source")
    def source(self, principal: Any) -> str:
        """Return the connection that names it."""
        return str(principal.source_name or principal.realm)

    @display(description="Direct members")
    def member_count(self, principal: Any) -> str:
        """Return how many are directly in a group; a dash for what is no group."""
        if principal.kind not in NESTING_KINDS:
            return "–"
        if not principal.members_known:
            return label("Not known", "warning")
        return str(principal.size)

    @display(description="Recognised as")
    def claimed_by(self, principal: Any) -> str:
        """Return the account that holds a person's identity, and how it was recognised."""
        if principal.kind != PrincipalKind.USER:
            return "–"
        held = [f"{c.user.email} ({c.get_source_display()})" for c in principal.live_claims]
        return ", ".join(held) or "Nobody yet"

    @display(description="Directly in")
    def groups_above(self, principal: Principal) -> str:
        """Return the groups it is a direct member of."""
        edges = Edge.objects.filter(member=principal).select_related("group")
        return _links([e.group for e in edges.order_by("group__label")[: ON_PAGES + 1]])

    @display(description="Direct members")
    def members(self, principal: Principal) -> str:
        """Return who is directly in the group."""
        edges = Edge.objects.filter(group=principal).select_related("member")
        return _links([e.member for e in edges.order_by("member__label")[: ON_PAGES + 1]])

    @display(description="Named on")
    def places(self, principal: Principal) -> str:
        """Return the places whose readers name it."""
        entries = AclEntry.objects.filter(group_id=principal.pk).select_related("content_object")
        found = entries.order_by("content_object__label")[: ON_PAGES + 1]
        return _links([entry.content_object for entry in found])


@admin.register(Acl)
class AclAdmin(EvidenceAdmin):
    """Places of the sources, with the readers that each one names itself."""

    page_title = "Places and readers"
    list_display = ("place", "source", "own_readers", "passes_on")
    list_filter = (SourceFilter, "mode")
    search_fields = ("label", "external_id")
    search_help_text = "Search by place"
    ordering = ("label", "external_id")
    sortable_by = ("place",)
    fields = ("place", "source", "passes_on", "above", "own_readers", "below")
    empty_hint = "Once a source is connected and synced, its folders and their readers stand here."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Acl]:
        """Return the places with their source's name."""
        found: QuerySet[Acl] = super().get_queryset(request)
        return found.annotate(source_name=_source_name()).select_related("parent")

    @override
    def complete(self, rows: Sequence[Any]) -> None:
        """Fetch the first few entries of each row."""
        few = _entries([row.pk for row in rows]).annotate(
            rank=Window(RowNumber(), partition_by=F("content_object_id"), order_by=("ord", "id"))
        )
        by_acl: dict[int, list[AclEntry]] = {}
        for entry in few.filter(rank__lte=IN_LISTS + 1):
            by_acl.setdefault(entry.content_object_id, []).append(entry)
        for row in rows:
            row.first_entries = by_acl.get(row.pk, [])

    @display(description="Place", ordering="label")
    def place(self, acl: Acl) -> str:
        """Return the place's name."""
        return str(acl)

    @display(description="Source")
    def source(self, acl: Any) -> str:
        """Return the connection that it belongs to."""
        return str(acl.source_name or acl.realm)

    @display(description="Readers named here")
    def own_readers(self, acl: Any) -> str:
        """Return whom the place's own entries name; in the list, the first few."""
        if hasattr(acl, "first_entries"):
            names = [_in_words(entry) for entry in acl.first_entries[:IN_LISTS]]
            more = " …" if len(acl.first_entries) > IN_LISTS else ""
            return ", ".join(names) + more if names else "–"
        entries = list(_entries([acl.pk]).order_by("ord", "id")[: ON_PAGES + 1])
        return _links([e.group.principal for e in entries], [_in_words(e) for e in entries])

    @display(description="Readers of the place above")
    def passes_on(self, acl: Acl) -> str:
        """Return whether the readers of the place above read here too."""
        if acl.form != Form.PLACE or acl.parent_id is None:
            return "There is none"
        return "Cut off here" if acl.mode == Mode.CUT else "Read here too"

    @display(description="Place above")
    def above(self, acl: Acl) -> str:
        """Return the place above."""
        return _links([acl.parent] if acl.parent else [])

    @display(description="Places below")
    def below(self, acl: Acl) -> str:
        """Return the places directly below."""
        return _links(list(Acl.objects.filter(parent=acl).order_by("label")[: ON_PAGES + 1]))


def _source_name() -> Subquery:
    named = Connection.objects.filter(realm=OuterRef("realm")).order_by("pk")
    return Subquery(named.values("name")[:1])


def _entries(acl_ids: Iterable[int]) -> QuerySet[AclEntry]:
    found = AclEntry.objects.filter(content_object_id__in=list(acl_ids))
    return found.select_related("group__principal", "permission")


def _in_words(entry: AclEntry) -> str:
    name = str(entry.group.principal)
    return f"not {name}" if entry.permission.codename == "deny_acl" else name


def _links(rows: Sequence[Any], texts: Sequence[str] = ()) -> SafeString:
    """Return links to the objects' pages, or a dash; says when there are more than it shows."""
    if not rows:
        return SafeString("–")
    shown = [(_url(row), text) for row, text in zip(rows, texts or map(str, rows), strict=True)]
    listed = format_html_join("", '<li><a href="{}">{}</a></li>', shown[:ON_PAGES])
    more = SafeString("<li>and more</li>" if len(rows) > ON_PAGES else "")
    return format_html('<ul class="kw-names">{}{}</ul>', listed, more)


def _url(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
