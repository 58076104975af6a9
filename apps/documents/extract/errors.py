"""Why a file gave no text, each with what the administrator can do about it.

ExtractionError
├── Encrypted     a password is needed
├── Corrupt       not what its name or its first bytes say, or broken
├── Empty         nothing in it
├── NoText        pages, but only pictures of text
├── Unsupported   a kind of file that Kenward does not read
├── TooLarge      more bytes, or more in its package, than allowed
├── TimedOut      reading took too long
└── OutOfMemory   reading took too much memory

The codes are those that a document's `failure` stores.
"""

from __future__ import annotations

from apps.errors import KenwardError


class ExtractionError(KenwardError):
    """A file gave no text; reading the same bytes again would end the same way.

    Args:
        message: for the administrator; the class's own sentence if left out.
        hint: what to do; the class's own advice if left out.
        detail: for the log.
    """

    code = "extraction"
    http_status = 422
    sentence = "The file could not be read."
    advice = "Open it, save it again and replace it."

    def __init__(self, message: str = "", *, hint: str = "", detail: str = "") -> None:
        super().__init__(message or self.sentence, hint=hint or self.advice, detail=detail)


class Encrypted(ExtractionError):
    """A password is needed to open the file."""

    code = "encrypted"
    sentence = "The file is protected by a password."
    advice = "Save a copy without the password and replace the file."


class Corrupt(ExtractionError):
    """The file is broken, or not of the kind that its name says."""

    code = "corrupt"
    sentence = "The file is broken."
    advice = "Open it in the program that made it, save it again and replace it."


class Empty(ExtractionError):
    """There is nothing in the file."""

    code = "empty"
    sentence = "There is nothing in the file."
    advice = "Add some text to it, or remove it from the source."


class NoText(ExtractionError):
    """The file has pages, but no text in them."""

    code = "no_text"
    sentence = "The file holds pictures of pages, but no text."
    advice = "Run text recognition (OCR) on it and replace the file."


class Unsupported(ExtractionError):
    """Kenward has no reader for this kind of file."""

    code = "unsupported"
    sentence = "Kenward does not read this kind of file."
    advice = "Save it as PDF, in a format of Office or OpenDocument, or as plain text."


class TooLarge(ExtractionError):
    """The file, or what is packed in it, is larger than allowed."""

    code = "too_large"
    sentence = "The file is too large."
    advice = "Split it into smaller files."


class TimedOut(ExtractionError):
    """Reading the file took longer than allowed."""

    code = "timed_out"
    sentence = "Reading the file took too long."
    advice = "Split it into smaller files, or save it in a simpler format."


class OutOfMemory(ExtractionError):
    """Reading the file took more memory than allowed."""

    code = "out_of_memory"
    sentence = "Reading the file took too much memory."
    advice = "Split it into smaller files, or save it in a simpler format."


BY_CODE: dict[str, type[ExtractionError]] = {
    error.code: error
    for error in (
        Encrypted,
        Corrupt,
        Empty,
        NoText,
        Unsupported,
        TooLarge,
        TimedOut,
        OutOfMemory,
    )
}
