"""A tenant's own questions in the admin: collected by IT admins, judged by ids and places.

Documents are shown by path and id, as everywhere in the admin: no title, no text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from typing_extensions import override
from unfold.decorators import display

from apps.audit.model_admin import TenantModelAdmin, since
from apps.documents.models import Document
from apps.search import settings_admin  # noqa: F401  registers the page
from apps.search.evaluation import question_sets
from apps.search.evaluation.question_set_forms import QuestionForm, QuestionSetForm
from apps.search.evaluation.question_sets import Imported
from apps.search.models import Question, QuestionSet
from apps.tenants.context import required_tenant_id


@admin.register(QuestionSet)
class QuestionSetAdmin(TenantModelAdmin):
    """The sets of the active tenant, with import and export."""

    page_title = "Question sets"
    form = QuestionSetForm
    fields = ("name", "description", "file")
    list_display = ("name", "questions_shown", "judged_shown", "author", "made")
    list_select_related = ("created_by",)
    search_fields = ("name",)
    ordering = ("name",)
    sortable_by = ("name",)
    actions = ("export",)
    empty_hint = (
        "Questions with the documents that answer them measure the search on your own documents:"
        " ./kenward evaluate --tenant …, see docs/quality.md."
    )

    @override
    def complete(self, rows: Sequence[Any]) -> None:
        """Count the questions of all rows at once."""
        of_rows = Question.objects.filter(question_set__in=[row.pk for row in rows])
        counted = {
            pk: (every, judged)
            for pk, every, judged in of_rows.values_list("question_set_id").annotate(
                Count("pk", distinct=True), Count("judgements__question_id", distinct=True)
            )
        }
        for row in rows:
            row.counted = counted.get(row.pk, (0, 0))

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Save the set in the active tenant, and put the file's questions into it."""
        if not change:
            form.instance.tenant_id = required_tenant_id()
            form.instance.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)
        if told := form.cleaned_data["file"]:
            found = question_sets.put(form.instance, told, actor_id=_actor_id(request))
            self.message_user(request, _told(found), messages.SUCCESS)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person take a set away as a file."""
        return self.has_change_permission(request)

    @override
    def object_actions(self, request: HttpRequest, obj: QuestionSet) -> Iterable[str]:
        """Offer the file."""
        return ("export",)

    @admin.action(description="Export as JSON lines", permissions=["act"])
    def export(self, request: HttpRequest, queryset: QuerySet[QuestionSet]) -> HttpResponse | None:
        """Hand out one set as a file that can be imported again."""
        if queryset.count() != 1:
            self.message_user(request, "Choose one set.", messages.WARNING)
            return None
        chosen = queryset.get()
        lines = question_sets.export_lines(chosen, actor_id=_actor_id(request))
        return HttpResponse(
            "".join(f"{line}\n" for line in lines),
            content_type="application/jsonl; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{chosen.uuid}.jsonl"'},
        )

    @display(description="Questions")
    def questions_shown(self, kept: Any) -> int:
        """Return how many questions it has."""
        return int(kept.counted[0])

    @display(description="With an answer")
    def judged_shown(self, kept: Any) -> int:
        """Return how many of them have a judged document."""
        return int(kept.counted[1])

    @display(description="Added by")
    def author(self, kept: QuestionSet) -> str:
        """Return who added it."""
        return kept.created_by.email if kept.created_by else "–"

    @display(description="Added")
    def made(self, kept: QuestionSet) -> str:
        """Return how long ago it was added."""
        return since(kept.created_at)


@admin.register(Question)
class QuestionAdmin(TenantModelAdmin):
    """The questions of the active tenant's sets."""

    page_title = "Judged questions"
    form = QuestionForm
    fields = ("question_set", "external_id", "text", "judged", "documents")
    readonly_fields = ("documents",)
    list_display = ("external_id", "text", "question_set", "judged_shown")
    list_filter = ("question_set",)
    list_select_related = ("question_set",)
    search_fields = ("external_id", "text")
    ordering = ("question_set", "external_id")
    sortable_by = ("external_id",)
    empty_hint = "Add questions one by one here, or many as a file in a question set."

    @override
    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Leave the form's own field out for who may only look."""
        return tuple(
            name
            for name in ("question_set", "external_id", "text", "judged", "documents")
            if (name != "judged" or self.has_change_permission(request))
            and (name != "documents" or obj is not None)
        )

    @override
    def complete(self, rows: Sequence[Any]) -> None:
        """Count the judgements of all rows at once."""
        counted = dict(
            Question.objects.filter(pk__in=[row.pk for row in rows])
            .values_list("pk")
            .annotate(Count("judgements"))
        )
        for row in rows:
            row.judged_count = counted.get(row.pk, 0)

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Save the question in the active tenant, with what answers it."""
        form.instance.tenant_id = required_tenant_id()
        super().save_model(request, obj, form, change)
        if "judged" in form.changed_data or not change:
            question_sets.judge(form.instance, form.cleaned_data["judged"])

    @display(description="Judgements")
    def judged_shown(self, question: Any) -> int:
        """Return how many documents or passages are judged."""
        return int(question.judged_count)

    @display(description="Documents")
    def documents(self, question: Question) -> str:
        """Return the judged documents by path and id, as the source and Kenward name them."""
        judged = question_sets.judgements_of(question)
        known = question_sets.known({one.document for one in judged})
        ids = {pk for found in known.values() for pk in found}
        paths = Document.objects.of_the_organisation().filter(pk__in=ids)
        by_id = {
            pk: (path, str(uuid)) for pk, path, uuid in paths.values_list("pk", "path", "uuid")
        }
        rows = []
        for one in judged:
            found = [by_id[pk] for pk in known.get(one.document, ())]
            for path, uuid in found or [(one.document, "not among the documents")]:
                rows.append((path, uuid, one.span or "whole", one.grade))
        shown = format_html_join("", "<div>{} · <code>{}</code> · {} · {}</div>", rows)
        return shown or "None: nothing answers it."


def _actor_id(request: HttpRequest) -> int:
    pk = request.user.pk
    if pk is None:
        raise PermissionError("nobody is signed in")
    return int(pk)


def _told(found: Imported) -> str:
    said = f"Questions added: {found.added:,}, replaced: {found.replaced:,}."
    if found.unknown:
        said += f" Judged documents that are not here (yet): {found.unknown:,}."
    if found.passages_dropped:
        said += (
            f" Passages given as words: {found.passages_dropped:,}; their documents count as a"
            " whole, since words of documents are not kept here."
        )
    return said
