"""The forms of a tenant's own questions: a file of many, or one question with its judgements."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from typing_extensions import override
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from apps.errors import InvalidInput
from apps.search.evaluation import judgement_lines, question_sets
from apps.search.evaluation.questions import Judgement
from apps.search.evaluation.questions import Question as JudgedQuestion
from apps.search.models import Question, QuestionSet

_MOST_BYTES = 20 * 1024 * 1024
_MOST_CHARS = 200_000


class QuestionSetForm(forms.ModelForm[QuestionSet]):
    """A set, and a file whose questions are put into it."""

    file = forms.FileField(
        label="Questions (JSON lines)",
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text="One question to a line, as docs/quality.md shows. One whose id is there already"
        " is replaced.",
    )

    class Meta:
        model = QuestionSet
        fields = ("name", "description")

    def clean_name(self) -> str:
        """Refuse a second set of the same name: commands name it."""
        name = str(self.cleaned_data["name"]).strip()
        if QuestionSet.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError("There is a set of this name already.")
        return name

    def clean_file(self) -> list[JudgedQuestion]:
        """Read the questions, so that nothing is stored of a file that is wrong somewhere."""
        file = self.cleaned_data["file"]
        if file is None:
            return []
        if file.size > _MOST_BYTES:
            raise ValidationError(f"The file is larger than {_MOST_BYTES // 1024**2} MB.")
        try:
            lines = file.read().decode("utf-8-sig").splitlines()
            return question_sets.read(self.instance, lines)
        except UnicodeDecodeError as error:
            raise ValidationError("The file is no text in UTF-8.") from error
        except InvalidInput as refused:
            raise ValidationError(str(refused)) from refused


class QuestionForm(forms.ModelForm[Question]):
    """One question, its judgements one to a line."""

    judged = forms.CharField(
        label="Answered by",
        required=False,
        max_length=_MOST_CHARS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text="One document to a line: its id, the id in its source, or the address of its"
        " page, which names the passage, too. Behind it, if need be, “ | 120-480” for a passage and"
        " “ | 2” for how well it answers (0: not at all). None: nothing answers it.",
    )

    class Meta:
        model = Question
        fields = ("question_set", "external_id", "text")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            found = question_sets.judgements_of(self.instance)
            self.initial["judged"] = judgement_lines.written(found)

    def clean_judged(self) -> list[Judgement]:
        """Refuse documents that Kenward does not hold: here they are typing errors."""
        try:
            told = judgement_lines.read(self.cleaned_data["judged"])
        except ValueError as error:
            raise ValidationError(str(error)) from error
        if len(told) > question_sets.MAX_JUDGEMENTS:
            raise ValidationError(f"At most {question_sets.MAX_JUDGEMENTS:,} judgements.")
        before = judgement_lines.read(self.initial.get("judged", ""))
        new = {one.document for one in told} - {one.document for one in before}
        if missing := sorted(new - question_sets.known(new).keys()):
            raise ValidationError(f"There is no document “{missing[0]}”.")
        return told

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse an id that another question of the set has."""
        told: dict[str, Any] = super().clean() or self.cleaned_data
        same = Question.objects.filter(
            question_set=told.get("question_set"), external_id=told.get("external_id")
        )
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("external_id", "Another question of this set has this id.")
        return told
