"""Classes in the admin: the rules that give them, and giving one by hand in Objects Synced."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.db.models import Count, F, Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from typing_extensions import override
from unfold.decorators import display

from apps.acls.classes import Classification
from apps.audit.model_admin import EvidenceAdmin, TenantModelAdmin, label
from apps.documents import class_globs, classification, reclassify, tasks
from apps.documents.models import ClassificationRule, ClassifiedBy, Document
from apps.tenants.context import required_tenant_id

TONES = {
    Classification.PUBLIC: "success",
    Classification.INTERNAL: "",
    Classification.CONFIDENTIAL: "warning",
    Classification.RESTRICTED: "danger",
}
_BY_HAND = ("classify_public", "classify_internal", "classify_confidential", "classify_restricted")
# Each star may match anything, so that many of them take long.
_MOST_STARS = 12


class RuleForm(forms.ModelForm[ClassificationRule]):
    """One rule; `_count` in the data asks what it would do and saves nothing."""

    class Meta:
        model = ClassificationRule
        fields = ("position", "connection", "path_glob", "label", "classification")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who may only look is shown no fields.
        if self.instance.pk is None and "position" in self.fields:
            last = ClassificationRule.objects.aggregate(last=Max("position"))["last"]
            self.fields["position"].initial = (last or 0) + 1

    def clean_path_glob(self) -> str:
        """Return the glob without the slash that nothing begins with."""
        glob = str(self.cleaned_data["path_glob"]).strip().lstrip("/")
        if glob.count("*") > _MOST_STARS:
            raise ValidationError(f"A path has at most {_MOST_STARS} stars.")
        return glob

    def clean_label(self) -> str:
        """Return the label as labels of documents are stored."""
        return unicodedata.normalize("NFC", str(self.cleaned_data["label"]).strip())

    @override
    def clean(self) -> dict[str, Any]:
        """Work out the pattern, and answer with numbers where only they were asked for."""
        told: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return told
        self.instance.path_pattern = class_globs.as_pattern(told["path_glob"])
        if "_count" in self.data:
            planned = ClassificationRule(
                pk=self.instance.pk, path_pattern=self.instance.path_pattern, **told
            )
            raise ValidationError(_told(classification.reach(planned)))
        return told


def _told(reach: classification.Reach) -> str:
    return (
        f"Nothing is saved yet. Here this rule would decide about {reach.matched:,} documents:"
        f" {reach.stricter:,} would get a stricter class than now, {reach.looser:,} a less strict"
        f" one, {reach.matched - reach.stricter - reach.looser:,} would keep theirs."
    )


@admin.register(ClassificationRule)
class ClassificationRuleAdmin(TenantModelAdmin):
    """The rules in their order; documents follow as soon as one is saved or removed."""

    page_title = "Document classes"
    form = RuleForm
    list_display = ("position", "about", "class_label", "documents")
    list_display_links = ("position", "about")
    list_select_related = ("connection",)
    ordering = ("position", "id")
    sortable_by = ()
    list_before_template: Any = "admin/class_rules/progress.html"
    change_form_before_template: Any = "admin/class_rules/answer.html"
    change_form_after_template: Any = "admin/class_rules/count.html"
    empty_hint = "Without a rule every document is internal. The first rule that matches decides."

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Say how far the rules have been applied."""
        work = reclassify.unfinished() if request.tenant else None  # type: ignore[attr-defined]
        told: dict[str, Any] = {"work": work, "percent": reclassify.progress(work) if work else 100}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the numbers that were asked for as an answer: nobody has made a mistake."""
        form = context["adminform"].form
        if "_count" in form.data and set(form.errors) == {NON_FIELD_ERRORS}:
            context["answer"] = " ".join(form.errors.pop(NON_FIELD_ERRORS))
            context["errors"] = None
        return super().render_change_form(request, context, *args, **kwargs)

    @override
    def complete(self, rows: Sequence[Any]) -> None:
        """Count the documents of all rows at once."""
        ids = [row.pk for row in rows]
        live = Document.objects.live().filter(class_rule_id__in=ids).order_by()
        counted = live.values_list("class_rule_id").annotate(Count("pk"))
        found = dict(counted)
        for row in rows:
            row.decided = found.get(row.pk, 0)

    @display(description="About")
    def about(self, rule: ClassificationRule) -> str:
        """Return in words what the rule is about."""
        parts = [
            f"in {rule.connection.name}" if rule.connection else "",
            f"under {rule.path_glob}" if rule.path_glob else "",
            f"labelled “{rule.label}”" if rule.label else "",
        ]
        return ", ".join(part for part in parts if part) or "Every document"

    @display(description="Class")
    def class_label(self, rule: ClassificationRule) -> str:
        """Return the class, coloured."""
        return class_label(rule.classification)

    @display(description="Documents")
    def documents(self, rule: Any) -> int:
        """Return how many documents have their class by this rule."""
        return int(rule.decided)

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Put the rule where it was asked for, and have the documents follow."""
        rule = form.instance
        with reclassify.changing_rules():
            behind = ClassificationRule.objects.filter(position__gte=rule.position)
            if "position" in form.changed_data or not change:
                behind.exclude(pk=rule.pk).update(position=F("position") + 1)
            rule.tenant_id = required_tenant_id()
            super().save_model(request, rule, form, change)
        self._follow(request)

    @override
    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """Remove the rule; the next one that matches decides, or none."""
        with reclassify.changing_rules():
            super().delete_model(request, obj)
        self._follow(request)

    def _follow(self, request: HttpRequest) -> None:
        if reclassify.unfinished() is not None:
            tasks.send_reclassify(required_tenant_id())
            said = "The documents follow in batches; this list says how far they are."
            self.message_user(request, said, messages.INFO)


class ClassedDocumentAdmin(EvidenceAdmin):
    """Objects with their class, which an IT admin can give by hand."""

    actions: Any = (*_BY_HAND, "take_class_back")

    def has_classify_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person give classes."""
        return request.user.has_perm("documents.classify_document")

    @override
    def object_actions(self, request: HttpRequest, obj: Any) -> Iterable[str]:
        """Offer the other classes, and to take back what was given by hand."""
        current = f"classify_{obj.classification}"
        is_by_hand = obj.classified_by == ClassifiedBy.HAND
        others = [act for act in _BY_HAND if act != current or not is_by_hand]
        return [*others, "take_class_back"] if is_by_hand else others

    @admin.action(description="Class: public", permissions=["classify"])
    def classify_public(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """Give the chosen objects this class."""
        self._classify(request, queryset, Classification.PUBLIC)

    @admin.action(description="Class: internal", permissions=["classify"])
    def classify_internal(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """Give the chosen objects this class."""
        self._classify(request, queryset, Classification.INTERNAL)

    @admin.action(description="Class: confidential", permissions=["classify"])
    def classify_confidential(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """Give the chosen objects this class."""
        self._classify(request, queryset, Classification.CONFIDENTIAL)

    @admin.action(description="Class: restricted", permissions=["classify"])
    def classify_restricted(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """Give the chosen objects this class."""
        self._classify(request, queryset, Classification.RESTRICTED)

    @admin.action(description="Class: as the rules say", permissions=["classify"])
    def take_class_back(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """Let the rules decide about the chosen objects again."""
        count = classification.take_back(queryset, actor_id=request.user.pk)
        self.message_user(request, f"Objects that the rules decide about again: {count}.")

    def _classify(
        self, request: HttpRequest, queryset: QuerySet[Document], to: Classification
    ) -> None:
        count = classification.set_by_hand(queryset, to, actor_id=request.user.pk)
        said = f"Objects that are {to.label.lower()} now, until that is taken back: {count}."
        self.message_user(request, said, messages.SUCCESS)

    @display(description="Class", ordering="classification")
    def class_label(self, document: Document) -> str:
        """Return the class, coloured."""
        return class_label(document.classification)

    @display(description="Class given by")
    def class_by(self, document: Document) -> str:
        """Return what gave the class."""
        if document.classified_by != ClassifiedBy.RULE:
            return document.get_classified_by_display()
        rule = ClassificationRule.objects.filter(pk=document.class_rule_id or 0).first()
        return str(rule) if rule else "A rule that is gone"

    @display(description="Labels")
    def labels_shown(self, document: Document) -> str:
        """Return the labels of the source."""
        return ", ".join(document.labels) or "–"


def class_label(name: str) -> str:
    """Return a class as a coloured label."""
    known = Classification(name)
    return label(known.label, TONES[known])
