"""What a request to the search page asks for: words, filters, and each filter as a chip."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, QueryDict
from django.utils import timezone

from apps.accounts.models import User
from apps.acls.classes import Classification
from apps.connections.models import Connection
from apps.documents import collections, file_kinds
from apps.search.filters import Filters
from apps.search.understanding import known_names, names, query_filters
from apps.search.understanding.filter_words import Field
from apps.search.understanding.query_filters import Part, Understood

FIELDS: tuple[Field, ...] = (
    "source", "kind", "author", "since", "until", "class", "collection", "folder",
)  # fmt: skip
ZONE_COOKIE = "kenward_zone"
_MOST_VALUES = 20
_MOST_CHARS = 500
_MOST_PLAIN = 20
_NOTHING = 0  # the id of no row: a filter on what is gone, or hidden, is a filter on nothing
_GONE = "something that is not there, or not for you"


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter on the page.

    Attributes:
        label: what it says.
        remove: the query of the address without it.
        as_words: the query of the address where its words are words; empty where it has none.
        words: as they were typed.
    """

    label: str
    remove: str
    as_words: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes:
        query: as typed.
        text: without the filters that stand in it.
        filters: all of them together.
        chips: for the page, in a fixed order.
        told: the filters of the address, for keeping them.
        today: the reader's day.
        parts: the filters that stand in the words.
        address: the query of the page's address.
    """

    query: str
    text: str
    filters: Filters
    chips: tuple[Chip, ...]
    told: Mapping[str, Sequence[str]]
    today: date
    parts: tuple[Part, ...] = ()
    address: str = ""

    def without(self, fields: Collection[str]) -> str:
        """Return the query of the address without some filters, wherever they stand."""
        params = QueryDict(self.address, mutable=True)
        for field in fields:
            params.setlist(field, [])
        query = self.query
        for start, end in sorted({(p.start, p.end) for p in self.parts if p.field in fields})[::-1]:
            query = f"{query[:start]} {query[end:]}"
        params["q"] = " ".join(query.split())
        return params.urlencode()


def read(request: HttpRequest, *, in_words: bool) -> Asked:
    """Return what a request asks for.

    Args:
        request: by a signed-in person.
        in_words: whether filters are read out of the words, too.
    """
    user: User = request.user  # type: ignore[assignment]  # login required
    zone = reader_zone(request)
    today = timezone.now().astimezone(zone).date()
    query = " ".join(request.GET.get("q", "").replace("\0", " ").split())
    told = told_filters(request.GET)
    understood = Understood(query)
    if in_words and len(query) <= _MOST_CHARS:
        known = known_names.known_to(user, query_filters.names(query))
        plain = request.GET.getlist("plain")[:_MOST_PLAIN]
        understood = query_filters.read(query, today=today, known=known, plain=plain)
    values = _together(told, understood.parts)
    labels = _Labels(user, values)
    return Asked(
        query=query,
        text=understood.text,
        filters=labels.filters(values, zone),
        chips=tuple(_chips(request.GET, query, told, understood.parts, labels)),
        told=told,
        today=today,
        parts=understood.parts,
        address=request.GET.urlencode(),
    )


def told_filters(params: QueryDict) -> dict[str, list[str]]:
    """Return the filters that stand in an address by themselves."""
    found = {}
    for field in FIELDS:
        listed = [one.replace("\0", "").strip() for one in params.getlist(field)[:_MOST_VALUES]]
        if values := [one[:_MOST_CHARS] for one in dict.fromkeys(listed) if one]:
            found[str(field)] = values
    return found


def reader_zone(request: HttpRequest) -> ZoneInfo:
    """Return the reader's time zone, as the browser told it; else the server's."""
    try:
        return ZoneInfo(request.COOKIES.get(ZONE_COOKIE, ""))
    except (ValueError, OSError):  # unknown, or no name of a zone at all
        return ZoneInfo(timezone.get_default_timezone_name())


def _together(told: Mapping[str, Sequence[str]], parts: Iterable[Part]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {field: list(told.get(field, ())) for field in FIELDS}
    for part in parts:
        values[part.field] += part.values
    return values


class _Labels:
    """Looks up what the values of filters stand for, as far as the person may know of it."""

    def __init__(self, user: User, values: Mapping[str, Sequence[str]]) -> None:
        asked = _uuids(values["source"])
        ids = (
            Connection.objects.filter(uuid__in=asked).values_list("pk", flat=True) if asked else ()
        )
        self._sources = {str(one.uuid): one for one in names.sources(user, list(ids))}
        wanted = _uuids(values["collection"])
        found = collections.of(user).filter(uuid__in=wanted) if wanted else ()
        self._collections = {str(one.uuid): one for one in found}

    def filters(self, values: Mapping[str, Sequence[str]], zone: ZoneInfo) -> Filters:
        """Return the filters that the values are."""
        sources = [self._sources.get(value) for value in values["source"]]
        kept = [self._collections.get(value) for value in values["collection"]]
        since = [day for value in values["since"] if (day := _day(value))]
        until = [day for value in values["until"] if (day := _day(value))]
        return Filters(
            sources=tuple(one.id if one else _NOTHING for one in sources),
            kinds=tuple(values["kind"]),
            authors=tuple(values["author"]),
            since=_midnight(max(since), zone) if since else None,
            until=_midnight(min(until), zone) if until else None,
            classes=tuple(values["class"]),
            collections=tuple(one.pk if one else _NOTHING for one in kept),
            folders=tuple(value.rstrip("/") + "/" for value in values["folder"]),
        )

    def of(self, field: str, value: str) -> str:
        """Return one value in words."""
        if field == "source":
            source = self._sources.get(value)
            return source.name if source else _GONE
        if field == "collection":
            kept = self._collections.get(value)
            return f"in “{kept.name}”" if kept else _GONE
        if field in ("since", "until"):
            day = _day(value)
            said = f"{day.day} {day:%B} {day.year}" if day else value
            return f"since {said}" if field == "since" else f"before {said}"
        return _plain_label(field, value)


def _plain_label(field: str, value: str) -> str:
    if field == "kind":
        kind = file_kinds.KINDS.get(value)
        return kind.label if kind else value
    if field == "class":
        found = value in Classification.values
        return str(Classification(value).label) if found else value
    return f"by {value}" if field == "author" else f"in {value.rstrip('/')}/"


def _chips(
    params: QueryDict,
    query: str,
    told: Mapping[str, Sequence[str]],
    parts: Sequence[Part],
    labels: _Labels,
) -> Iterable[Chip]:
    for field, values in told.items():
        for value in values:
            rest = params.copy()
            rest.setlist(field, [one for one in values if one != value])
            yield Chip(labels.of(field, value), rest.urlencode())
    for start, end in sorted({(part.start, part.end) for part in parts}):
        same = [part for part in parts if (part.start, part.end) == (start, end)]
        said = [" or ".join(labels.of(part.field, value) for value in part.values) for part in same]
        rest, back = params.copy(), params.copy()
        rest["q"] = " ".join(f"{query[:start]} {query[end:]}".split())
        back.appendlist("plain", query[start:end])
        yield Chip(", ".join(said), rest.urlencode(), back.urlencode(), query[start:end])


def _uuids(values: Sequence[str]) -> list[UUID]:
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in a zone; at the ends of the calendar, in UTC."""
    margin = timedelta(days=2)
    is_inner = date.min + margin < day < date.max - margin
    return datetime.combine(day, time(), zone if is_inner else UTC)
