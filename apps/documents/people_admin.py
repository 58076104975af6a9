"""People: which identities of the sources nobody holds yet, what waits behind each, and matching.

It stands here and not in `acls`, since it counts documents. It shows identities and numbers; no
title, no text and no path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from typing_extensions import override

from apps.accounts.models import User
from apps.acls import people_matches, people_suggestions
from apps.acls.models import Claim, Person, Principal
from apps.acls.people_suggestions import Suggestion
from apps.acls.people_unmatched import matched, searched, unmatched
from apps.audit.model_admin import TenantModelAdmin
from apps.connections.models import Connection
from apps.connections.protocol import PrincipalKind
from apps.documents import page_numbers, waiting
from apps.errors import InvalidInput
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

PER_PAGE = 25
# More are not brought into order: the search finds them.
ORDERED = 10_000
_MOST_PAGES = ORDERED // PER_PAGE


@dataclass(frozen=True, slots=True)
class Row:
    """One identity on the list. `documents` is None where counting took too long."""

    person: Person
    source: str
    documents: int | None
    claim: Claim | None
    suggestions: list[Suggestion]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list's address asks for."""

    is_held: bool
    words: str
    realm: str
    page: int

    def query(self, **changed: str | int) -> str:
        """Return the address's query with some of it changed."""
        told: dict[str, str | int] = {
            "held": int(self.is_held),
            "q": self.words,
            "source": self.realm,
            "p": self.page,
        }
        return "?" + urlencode({name: value for name, value in (told | changed).items() if value})


@admin.register(Person)
class PersonAdmin(TenantModelAdmin):
    """Lists identities, and lets an IT admin match and un-match them."""

    page_title = "People"

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add the two acts."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/match/", view(self.match), name="acls_person_match"),
            path("<int:pk>/unmatch/", view(self.unmatch), name="acls_person_unmatch"),
            *super().get_urls(),
        ]

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: the sources name people."""
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the sources name people."""
        return False

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show the identities that nobody holds, those first behind which most waits."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = _asked(request)
        people = searched(matched() if asked.is_held else unmatched(), asked.words, asked.realm)
        total = people.order_by()[:ORDERED].count()
        pages = max(1, -(-total // PER_PAGE))
        context = self._context(request) | {
            "asked": asked,
            "rows": _rows(people, asked),
            "total": total,
            "is_cut_off": total >= ORDERED,
            "unmatched_query": asked.query(held=0, p=0),
            "matched_query": asked.query(held=1, p=0),
            "previous_query": asked.query(p=asked.page - 1) if asked.page > 1 else "",
            "next_query": asked.query(p=asked.page + 1) if asked.page < pages else "",
            "pages": pages,
            "sources": list(Connection.objects.order_by("name").values_list("realm", "name")),
            "longest_s": waiting.LONGEST_S,
        }
        return TemplateResponse(request, "admin/people/list.html", context)

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one identity, who held and holds it, who it may be, and what a match would do."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        person = _person(object_id)
        words = _words(request, "q")
        live = people_matches.holder(person)
        context = self._context(request) | {
            "person": person,
            "source": _source_names([person]).get(person.realm, person.realm),
            "counts": waiting.behind([person.pk]),
            "holder": live,
            "past": _past(person),
            "suggestions": [] if live else people_suggestions.suggest([person])[person.pk],
            "words": words,
            "found": people_suggestions.find_members(words) if words else [],
            **self._chosen(request, person),
        }
        return TemplateResponse(request, "admin/people/person.html", context)

    def match(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Match by POST; go back to where the identity is shown, with what was done."""
        person = self._to_change(request, pk)
        user = _member(request.POST.get("member", ""))
        if user is None:
            raise Http404
        try:
            people_matches.match(principal=person, user=user, actor=_actor(request))
        except InvalidInput as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return _to_page(person)
        self.message_user(request, f"{person} is matched with {user.email}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:acls_person_changelist"))

    def unmatch(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End the live match by POST; what it opened is closed with this answer."""
        person = self._to_change(request, pk)
        live = people_matches.holder(person)
        if live is not None:
            try:
                people_matches.unmatch(claim=live, actor=_actor(request))
            except InvalidInput as refused:
                self.message_user(request, str(refused), messages.ERROR)
                return _to_page(person)
            told = f"{person} is not matched with {live.user.email} any more."
            self.message_user(request, told, messages.SUCCESS)
        return _to_page(person)

    def _chosen(self, request: HttpRequest, person: Person) -> dict[str, Any]:
        """Return the member that was chosen for a match, and what it would do."""
        may_match = self.has_change_permission(request)
        user = _member(request.GET.get("member", "")) if may_match else None
        if user is None:
            return {"chosen": None}
        try:
            effect = waiting.effect_of_match(
                principal=Principal.objects.get(pk=person.pk), user=user, actor=_actor(request)
            )
        except InvalidInput as refused:
            return {"chosen": user, "refused": refused}
        return {"chosen": user, "effect": effect, "others": _other_identities(user)}

    def _to_change(self, request: HttpRequest, pk: int) -> Person:
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        return _person(str(pk))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": self.page_title,
            "may_match": self.has_change_permission(request),
            "has_domains": request.user.has_perm("tenants.view_manageddomain"),
        }


def _rows(people: QuerySet[Person], asked: Asked) -> list[Row]:
    ids = list(people.order_by("pk").values_list("pk", flat=True)[:ORDERED])
    shown = waiting.largest_first(ids, limit=PER_PAGE, offset=(asked.page - 1) * PER_PAGE)
    counts = waiting.behind(shown)
    live = Claim.objects.filter(ended_at=None).select_related("user")
    held = Prefetch("claims", queryset=live, to_attr="live_claims")
    found = list(Person.objects.filter(pk__in=shown).prefetch_related(held))
    suggestions = {} if asked.is_held else people_suggestions.suggest(found)
    names = _source_names(found)
    rows = [
        Row(
            person=one,
            source=names.get(one.realm, one.realm),
            documents=None if counts is None else counts[one.pk],
            claim=next(iter(one.live_claims), None),
            suggestions=suggestions.get(one.pk, []),
        )
        for one in found
    ]
    return sorted(rows, key=lambda row: (-(row.documents or 0), str(row.person), row.person.pk))


def _asked(request: HttpRequest) -> Asked:
    return Asked(
        is_held=request.GET.get("held") == "1",
        words=_words(request, "q"),
        realm=_words(request, "source"),
        page=page_numbers.asked(request, "p", most=_MOST_PAGES),
    )


def _words(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\0", "").strip()[:200]


def _person(pk: str) -> Person:
    people = Person.objects.filter(tenant_id=required_tenant_id(), kind=PrincipalKind.USER)
    found = people.filter(pk=pk).first() if pk.isdecimal() and len(pk) < 19 else None
    if found is None:
        raise Http404
    return found


def _member(pk: str) -> User | None:
    """Return a member of this tenant, by the person's id; nobody of any other."""
    if not pk.isdecimal() or len(pk) >= 19:
        return None
    usable = Membership.objects.usable().filter(tenant_id=required_tenant_id(), user_id=pk)
    found = usable.select_related("user").first()
    return found.user if found else None


def _past(person: Person) -> QuerySet[Claim]:
    ended = Claim.objects.filter(principal_id=person.pk).exclude(ended_at=None)
    return ended.select_related("user").order_by("-ended_at", "-pk")[:20]


def _other_identities(user: User) -> list[Principal]:
    live = Claim.objects.filter(user=user, ended_at=None).select_related("principal")
    return [claim.principal for claim in live.order_by("principal__label")[:20]]


def _source_names(people: Sequence[Person]) -> dict[str, str]:
    named = Connection.objects.filter(realm__in={one.realm for one in people}).order_by("-pk")
    return dict(named.values_list("realm", "name"))


def _actor(request: HttpRequest) -> User:
    return cast(User, request.user)  # the admin lets nobody anonymous in


def _to_page(person: Person) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:acls_person_change", args=[person.pk]))
