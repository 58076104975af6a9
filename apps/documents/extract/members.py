"""Files inside files: each read by its own reader, under a heading of its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.documents.blocks import Block, ExtractedText, one_line
from apps.documents.extract import readers
from apps.documents.extract.allowance import MAX_DEPTH, MAX_MEMBER_BYTES
from apps.documents.extract.errors import Corrupt, Empty, ExtractionError, TooLarge, Unsupported
from apps.documents.extract.sniff import SniffedFile

_DEEPEST_HEADING = 6
_MAX_NAME_CHARACTERS = 300
_LISTED_REFUSALS = 1_000
# What archives carry along and nobody wrote.
_NOT_CONTENT = frozenset({"__MACOSX", ".git", ".DS_Store", "Thumbs.db"})


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside another one.

    Args:
        name: its path in there; only shown, never a place to write to.
        content: its bytes, or why they could not be had.
        mime_type: what the file around it says that it is.
    """

    name: str
    content: bytes | ExtractionError
    mime_type: str | None = None


class Members:
    """Reads the members of a file within its allowance.

    Args:
        file: around them.
        level: of the headings that name them.

    Attributes:
        read: how many gave text.
    """

    def __init__(self, file: SniffedFile, *, level: int) -> None:
        self._file = file
        self._level = level
        self._errors: dict[type[ExtractionError], ExtractionError] = {}
        self._refused: list[str] = []
        self.read = 0

    def blocks(self, members: Iterable[Member]) -> Iterator[Block]:
        """Yield what the members hold, at last the names of those that could not be read."""
        for member in members:
            name = one_line(member.name)[:_MAX_NAME_CHARACTERS] or "(without a name)"
            try:
                found = self._found(member)
            except ExtractionError as error:
                self._errors[type(error)] = error
                self._refused.append(f"- {name}: {error.message}")
                continue
            self.read += 1
            yield Block("heading", name, self._level)
            yield from _moved(found, by=self._level)
        if self._refused:
            yield Block("heading", "Not read", self._level)
            yield Block("list", "\n".join(self._refused[:_LISTED_REFUSALS]))

    def why_nothing(self) -> ExtractionError:
        """Return why a file of which no member could be read gives no text."""
        if not self._errors:
            return Empty()
        if len(self._errors) == 1:
            return next(iter(self._errors.values()))
        return Unsupported(
            "Nothing that is packed in the file can be read.",
            hint="Unpack it, and put the files that matter beside it.",
        )

    def _found(self, member: Member) -> ExtractedText:
        if isinstance(member.content, ExtractionError):
            raise member.content
        self._take_one()
        depth = self._file.depth + 1
        try:
            return readers.read(
                member.content, member.name, member.mime_type, self._file.allowance, depth=depth
            )
        except (ExtractionError, MemoryError):
            raise
        except Exception as error:  # any member may break any library, and the others still count
            raise Corrupt(detail=repr(error)) from error

    def _take_one(self) -> None:
        """Begin with one more member.

        Raises:
            TooLarge: none may be begun.
        """
        allowance = self._file.allowance
        if self._file.depth >= MAX_DEPTH:
            raise TooLarge("It lies in too many other files.")
        if allowance.members <= 0:
            raise TooLarge("There are too many files beside it.")
        if not allowance.seconds_left:
            raise TooLarge("The files before it took all the time.")
        allowance.members -= 1


def is_content(name: str) -> bool:
    """Say whether a member is anything that somebody wrote."""
    return _NOT_CONTENT.isdisjoint(name.split("/"))


def room(file: SniffedFile) -> int:
    """Return how many bytes the next member may have."""
    return max(0, min(MAX_MEMBER_BYTES, file.allowance.unpacked_bytes))


def _moved(found: ExtractedText, *, by: int) -> Iterator[Block]:
    """Yield a member's blocks, their headings below that of its name; its pages are not ours."""
    for span in found.blocks:
        text = found.text[span.start : span.end]
        is_heading = span.kind == "heading"
        level = min(span.level + by, _DEEPEST_HEADING) if is_heading else span.level
        yield Block(span.kind, text, level)
