"""A mail, however it was stored: headers that matter, the text with its history, attachments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from apps.documents.blocks import Block, ExtractedText, assemble, one_line
from apps.documents.extract.author import writer
from apps.documents.extract.errors import Empty
from apps.documents.extract.html import fragment_blocks
from apps.documents.extract.members import Member, Members
from apps.documents.extract.sniff import SniffedFile

_GAP = re.compile(r"\n[ \t\u00a0]*\n\s*")
_LINE_END = re.compile(r"\r\n?|\f")
# How the usual programs begin the mail that is answered: "On 3 May, Ann wrote:".
_ATTRIBUTION = re.compile(
    r"(?:on|am|le|el|il|em|op|den|w dniu)\b.{4,200}"
    r"(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|napisał\(a\))"
    r".{0,80}:",
    re.IGNORECASE | re.DOTALL,
)
_DIVIDER = re.compile(
    r"[-_ ]{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|"
    r"weitergeleitete nachricht|message d'origine|begin forwarded message)\s*[-_ ]{2,}",
    re.IGNORECASE,
)
_MAX_ATTRIBUTION_CHARACTERS = 300
# A plain version with so small a share of the other's words only says that there is another.
_LEAST_SHARE = 0.3
_SUBJECT_LEVEL, _PART_LEVEL = 1, 2


@dataclass(slots=True)
class Mail:
    """A mail as its reader found it.

    Args:
        subject: decoded.
        headers: name and decoded value of the others, in the order in which they are shown.
        plain: the text, empty if there is none.
        html: the text as HTML, empty if there is none.
        attachments: files that came with it.
    """

    subject: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    plain: str = ""
    html: str = ""
    attachments: list[Member] = field(default_factory=list)

    def as_eml(self) -> bytes:
        """Return it as a message of RFC 5322, for what reads a mail inside another."""
        message = MIMEMultipart()
        for name, text in (("Subject", self.subject), *self.headers):
            message[name] = Header(one_line(text), "utf-8").encode()
        for text, kind in ((self.plain, "plain"), (self.html, "html")):
            if text.strip():
                message.attach(MIMEText(text.encode(errors="replace").decode(), kind, "utf-8"))
        for member in self.attachments:
            if isinstance(member.content, bytes):
                part = MIMEApplication(member.content)
                part.add_header("Content-Disposition", "attachment", filename=one_line(member.name))
                message.attach(part)
        return message.as_bytes()


def extracted(mail: Mail, file: SniffedFile) -> ExtractedText:
    """Return the mail's text, attachments last; its title is the subject.

    Raises:
        Empty: it has neither subject nor text nor a readable attachment.
    """
    subject = one_line(mail.subject)
    body = list(_body(mail))
    attached = list(Members(file, level=_PART_LEVEL).blocks(mail.attachments))
    if not subject and not body and not attached:
        raise Empty
    lines = [f"{name}: {one_line(text)}" for name, text in mail.headers if text.strip()]
    return assemble(
        [
            Block("heading", subject or "Mail without a subject", _SUBJECT_LEVEL),
            Block("rows", "\n".join(lines)),
            *body,
            *attached,
        ],
        title=subject or None,
        author=writer(next((text for name, text in mail.headers if name == "From"), None)),
    )


def _body(mail: Mail) -> Iterator[Block]:
    """Yield the text from the better of its two versions."""
    plain = list(_plain_blocks(mail.plain))
    markup = [_below(block) for block in fragment_blocks(mail.html)] if mail.html.strip() else []
    is_enough = _words(plain) >= _LEAST_SHARE * _words(markup)
    yield from plain if plain and is_enough else markup


def _words(blocks: list[Block]) -> int:
    return sum(len(block.text.split()) for block in blocks)


def _below(block: Block) -> Block:
    if block.kind != "heading":
        return block
    return Block("heading", block.text, min(block.level + _SUBJECT_LEVEL, 6))


def _plain_blocks(text: str) -> Iterator[Block]:
    """Yield paragraphs; where an earlier mail begins, the line that says so is a heading."""
    for part in _GAP.split(_LINE_END.sub("\n", text)):
        for piece, is_heading in _parted(part):
            if piece.strip():
                yield (
                    Block("heading", one_line(piece), _PART_LEVEL)
                    if is_heading
                    else Block("paragraph", piece)
                )


def _parted(part: str) -> Iterator[tuple[str, bool]]:
    """Yield a paragraph's pieces and whether each names an earlier mail."""
    head = part[:_MAX_ATTRIBUTION_CHARACTERS]
    start = len(part) - len(part.lstrip())
    found = _ATTRIBUTION.match(head, start) or _DIVIDER.match(head, start)
    # Nothing but the quotation, or nothing at all, follows on its line.
    if found is None or part[found.end() :].split("\n", 1)[0].strip():
        yield part, False
        return
    yield found.group(), True
    yield part[found.end() :], False
