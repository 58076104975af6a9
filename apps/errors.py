"""The root of every error that a person may see.

KenwardError
├── InvalidInput    what was sent cannot be taken as it is
├── NotFound        missing and forbidden alike: nobody learns which
└── Unavailable     a part that Kenward needs does not answer just now
"""

from __future__ import annotations


class KenwardError(Exception):
    """Something went wrong that the reader of the message can understand.

    Args:
        message: safe for the person who reads it.
        hint: what that person can do about it.
        detail: for the log only; may name internals.
    """

    code = "error"
    http_status = 500

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(KenwardError):
    """What was sent cannot be taken as it is."""

    code = "invalid"
    http_status = 400


class NotFound(KenwardError):
    """The thing does not exist, or the asker may not know that it does."""

    code = "not_found"
    http_status = 404


class Unavailable(KenwardError):
    """A part that Kenward needs does not answer just now."""

    code = "unavailable"
    http_status = 503
