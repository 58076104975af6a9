"""The words by which people say filters, by language. Another language is another table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Field = Literal["source", "kind", "author", "since", "until", "class", "collection", "folder"]
# What a date word bounds: the moment from which, the one before which, or both.
Bound = Literal["since", "after", "before", "until", "in"]


@dataclass(frozen=True, slots=True)
class Language:
    """What a language has for filters; all words in lower case.

    Attributes:
        kinds: words for kinds of files that mean nothing else, wherever they stand.
        loose_kinds: words that may mean something else; a filter only as the first word, before
            another filter or one of `links`.
        links: words that tie files to what they are about.
        fillers: words that may stand before a first word.
        names: words before a name -> which fields the name may be of.
        bounds: words before a date -> what they bound.
        spans: words before `units` and before units that have passed -> how many units back.
        units: names of spans of time.
        days: days by name -> how many days back.
        months: months by name -> 1 to 12.
        operators: what may stand before a colon -> the field, or a bound.
        classes: names of classes -> their values.
        questions: first words of a question in a sentence; loose kinds are not filters there.
    """

    kinds: Mapping[str, str]
    loose_kinds: Mapping[str, str]
    links: frozenset[str]
    fillers: frozenset[str]
    names: Mapping[str, tuple[Field, ...]]
    bounds: Mapping[str, Bound]
    spans: Mapping[str, int]
    units: Mapping[str, Literal["day", "week", "month", "quarter", "year"]]
    days: Mapping[str, int]
    months: Mapping[str, int]
    operators: Mapping[str, Field | Bound]
    classes: Mapping[str, str]
    questions: frozenset[str]


_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]

ENGLISH = Language(
    kinds={
        "pdf": "pdf",
        "pdfs": "pdf",
        "doc": "document",
        "docx": "document",
        "odt": "document",
        "pptx": "presentation",
        "powerpoint": "presentation",
        "powerpoints": "presentation",
        "odp": "presentation",
        "xlsx": "spreadsheet",
        "ods": "spreadsheet",
        "csv": "spreadsheet",
        "spreadsheet": "spreadsheet",
        "spreadsheets": "spreadsheet",
        "eml": "mail",
        "ipynb": "notebook",
        "zip": "archive",
    },
    loose_kinds={
        "slides": "presentation",
        "slide": "presentation",
        "deck": "presentation",
        "decks": "presentation",
        "presentation": "presentation",
        "presentations": "presentation",
        "word": "document",
        "excel": "spreadsheet",
        "sheet": "spreadsheet",
        "sheets": "spreadsheet",
        "tables": "spreadsheet",
        "mail": "mail",
        "mails": "mail",
        "email": "mail",
        "emails": "mail",
        "e-mail": "mail",
        "e-mails": "mail",
        "note": "note",
        "notes": "note",
        "page": "page",
        "pages": "page",
        "html": "page",
        "notebook": "notebook",
        "notebooks": "notebook",
        "code": "code",
        "json": "data",
        "data": "data",
        "archive": "archive",
        "archives": "archive",
    },
    links=frozenset({"about", "on", "regarding"}),
    fillers=frozenset({"the", "all", "any", "my", "our", "find", "show", "me"}),
    names={"from": ("source", "author"), "in": ("source", "folder"), "by": ("author",)},
    bounds={
        "since": "since",
        "after": "after",
        "before": "before",
        "until": "until",
        "till": "until",
    },
    spans={"this": 0, "last": 1},
    units={"week": "week", "month": "month", "quarter": "quarter", "year": "year"},
    days={"today": 0, "yesterday": 1},
    months={name: number for number, name in enumerate(_MONTHS, start=1)}
    | {name[:3]: number for number, name in enumerate(_MONTHS, start=1)}
    | {"sept": 9},
    operators={
        "type": "kind",
        "kind": "kind",
        "filetype": "kind",
        "source": "source",
        "author": "author",
        "by": "author",
        "class": "class",
        "collection": "collection",
        "folder": "folder",
        "path": "folder",
        "since": "since",
        "after": "after",
        "before": "before",
        "until": "until",
    },
    classes={name: name for name in ("public", "internal", "confidential", "restricted")},
    questions=frozenset(
        [
            "how",
            "what",
            "when",
            "where",
            "which",
            "who",
            "why",
            "can",
            "could",
            "do",
            "does",
            "did",
            "is",
            "are",
            "was",
            "should",
            "may",
        ]
    ),
)
