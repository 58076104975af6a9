"""What Kenward says beside an answer, or in its place. Pure."""

from __future__ import annotations

from apps.chat.models import Message

NOTHING_FOUND = "I found nothing that you can read about this."
NO_MODEL = "No language model is connected: Kenward quotes the best passages."

_REPHRASE = (
    "Try other words, or name the document, team or product that you mean. What you may not read"
    " is never searched."
)
_STOPPED = "Stopped before it was complete."
_UNCITED = "This answer names no source. Check it against the sources beside it."
_QUOTED = "Quoted word for word; no language model is connected."


def of(message: Message, *, is_citing: bool) -> str:
    """Return the remark that belongs to a stored answer, or an empty text.

    Args:
        message: the answer.
        is_citing: it names at least one source.
    """
    if message.outcome == Message.Outcome.NOTHING_FOUND:
        return _REPHRASE
    if message.outcome == Message.Outcome.STOPPED:
        return _STOPPED
    if message.outcome == Message.Outcome.FAILED:
        return message.text
    if not message.model_name:
        return _QUOTED
    return "" if is_citing else _UNCITED
