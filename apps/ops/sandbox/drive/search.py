"""The query language of files.list, as far as sync needs it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.ops.sandbox.drive.errors import ApiError, invalid
from apps.ops.sandbox.drive.records import Item, User
from apps.ops.sandbox.drive.state import State

TOKEN = re.compile(r"\s*(?:('(?:[^'\\]|\\.)*')|(<=|>=|!=|[=<>()])|([A-Za-z]\w*))")
COMPARED: Mapping[str, Callable[[datetime, datetime], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TIMES: Mapping[str, Callable[[Item], datetime]] = {
    "modifiedTime": lambda item: item.modified_at,
    "createdTime": lambda item: item.created_at,
}
Matches = Callable[[Item], bool]


@dataclass(frozen=True)
class Query:
    """A query that was read.

    Attributes:
        matches: whether an item is wanted.
        folder_id: the one folder that all wanted items are in, or "": lists look there first.
    """

    matches: Matches
    folder_id: str = ""


def parsed(text: str, state: State, user: User) -> Query:
    """Return the query in the text; an empty one wants everything.

    Raises:
        ApiError: 400, it cannot be read, or uses a term that is not simulated.
    """
    if not text.strip():
        return Query(lambda _: True)
    reader = _Reader(list(_tokens(text)), state, user)
    matches = reader.either()
    if reader.next:
        raise invalid("q")
    return Query(matches, reader.folder_id)


def _tokens(text: str) -> Iterator[str]:
    place, text = 0, text.rstrip()
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise invalid("q")
        yield found[1] or found[2] or found[3]
        place = found.end()


class _Reader:
    """Reads `or`, `and`, `not`, brackets and terms, in this order of binding."""

    def __init__(self, tokens: list[str], state: State, user: User) -> None:
        self._tokens = tokens
        self._state = state
        self._user = user
        self._depth = 0
        self.folder_id = ""

    @property
    def next(self) -> str:
        """The token to come, or "" at the end."""
        return self._tokens[0] if self._tokens else ""

    def either(self) -> Matches:
        found = [self._both()]
        while self.next == "or":
            self._take()
            found.append(self._both())
        if len(found) == 1:
            return found[0]
        self.folder_id = ""
        return lambda item: any(each(item) for each in found)

    def _both(self) -> Matches:
        found = [self._one()]
        while self.next == "and":
            self._take()
            found.append(self._one())
        return found[0] if len(found) == 1 else lambda item: all(each(item) for each in found)

    def _one(self) -> Matches:
        if self.next not in {"not", "("}:
            return self._term()
        folder_id = self.folder_id
        if self._take() == "not":
            negated = self._one()
            self.folder_id = folder_id
            return lambda item: not negated(item)
        inner = self.either()
        self._take(")")
        self.folder_id = folder_id
        return inner

    def _term(self) -> Matches:
        first = self._take()
        if first.startswith("'"):
            self._take("in")
            return self._contained(_unquoted(first), self._take())
        if first == "sharedWithMe":
            return self._flag(lambda item: shared_with(self._state, self._user, item))
        if first == "trashed":
            return self._flag(self._state.is_trashed)
        sign = self._take()
        value = _unquoted(self._take())
        if first in TIMES and sign in COMPARED:
            return _time(TIMES[first], sign, value)
        return _text(first, sign, value)

    def _flag(self, is_so: Matches) -> Matches:
        wanted = True
        if self.next in {"=", "!="}:
            sign, word = self._take(), self._take()
            if word not in {"true", "false"}:
                raise invalid("q")
            wanted = (word == "true") == (sign == "=")
        return lambda item: is_so(item) == wanted

    def _contained(self, value: str, where: str) -> Matches:
        if where == "parents":
            folder_id = self._user.root_id if value == "root" else value
            self.folder_id = folder_id
            return lambda item: item.parent == folder_id
        user = self._state.people.user(self._user.id if value == "me" else value)
        user_id = user.id if user else ""
        if where == "owners":
            return lambda item: item.owner == user_id
        if where in {"readers", "writers"} and user is not None:
            roles = {"owner", "organizer", "fileOrganizer", "writer"}
            roles |= {"commenter", "reader"} if where == "readers" else set()
            return lambda item: self._state.access.role(user, item) in roles
        raise invalid("q")

    def _take(self, wanted: str = "") -> str:
        if not self._tokens or (wanted and self._tokens[0] != wanted):
            raise invalid("q")
        return self._tokens.pop(0)


def shared_with(state: State, user: User, item: Item) -> bool:
    """Whether an item is in the user's "Shared with me"."""
    is_member = item.drive_id and state.access.lists(user, state.drives[item.drive_id])
    if item.owner == user.id or is_member:
        return False
    parent = state.items.get(item.parent)
    return parent is None or not state.access.lists(user, parent)


def _text(name: str, sign: str, value: str) -> Matches:
    if name == "mimeType" and sign in {"=", "!="}:
        return lambda item: (item.mime_type == value) == (sign == "=")
    if name == "mimeType" and sign == "contains":
        return lambda item: item.mime_type.startswith(value)
    if name == "name" and sign in {"=", "!="}:
        return lambda item: (item.name.lower() == value.lower()) == (sign == "=")
    if name == "name" and sign == "contains":
        # As at Google: the beginning of a word, not any part of it.
        begins = re.compile(r"(?:^|[\W_])" + re.escape(value), re.IGNORECASE)
        return lambda item: begins.search(item.name) is not None
    raise invalid("q")


def _time(of: Callable[[Item], datetime], sign: str, value: str) -> Matches:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise invalid("q") from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return lambda item: COMPARED[sign](of(item), aware)


def _unquoted(token: str) -> str:
    if not token.startswith("'"):
        raise invalid("q")
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def sorted_by(items: list[Item], order: str) -> list[Item]:
    """Return the items in the order of `orderBy`; without one, the last changed first.

    Raises:
        ApiError: 400, there is no such order.
    """
    for part in reversed((order or "modifiedTime desc").split(",")):
        name, _, direction = part.strip().partition(" ")
        if name not in ORDERS or direction not in {"", "desc"}:
            raise ApiError(400, "invalid", f"Sorting is not supported for key {part}", "orderBy")
        items.sort(key=ORDERS[name], reverse=direction == "desc")
    return items


ORDERS: Mapping[str, Callable[[Item], tuple[Any, ...]]] = {
    "createdTime": lambda item: (item.created_at,),
    "folder": lambda item: (not item.is_folder,),
    "modifiedTime": lambda item: (item.modified_at,),
    "modifiedByMeTime": lambda item: (item.modified_at,),
    "name": lambda item: (item.name.lower(),),
    "name_natural": lambda item: tuple(
        (int(part), "") if part.isdecimal() else (-1, part.lower())
        for part in re.split(r"(\d+)", item.name)
    ),
    "quotaBytesUsed": lambda item: (len(item.content),),
    "recency": lambda item: (item.modified_at,),
}
