"""What can keep a question from its answer. None of these is ever shown as an answer.

KenwardError
└── ChatError
    ├── QuestionLength      empty, or too long
    ├── QuestionPending     the socket is still busy with the question before
    ├── NotUnderstood       a frame that is none of ours
    ├── NotAMember          the asker does not belong to the tenant
    ├── SearchUnavailable   the search did not work; nothing is known about what it would find
    ├── EvidenceWithdrawn   a document behind the answer became unreadable meanwhile
    ├── ModelUnavailable    the language model cannot be reached, or is too busy
    ├── ModelRefused        it does not take what it was sent; an administrator has to act
    └── AnswerBrokenOff     its answer ended in the middle
"""

from __future__ import annotations

from typing import ClassVar

from apps.errors import KenwardError


class ChatError(KenwardError):
    """A question that got no answer; `is_retryable` says whether asking again may help."""

    code = "chat_error"
    is_retryable: ClassVar[bool] = True


class QuestionLength(ChatError):
    """The question is empty, or has more characters than are read."""

    code = "question_length"
    http_status = 400
    is_retryable = False


class QuestionPending(ChatError):
    """One answer at a time: the one before is still being written."""

    code = "busy"
    http_status = 409


class NotUnderstood(ChatError):
    """The frame is not JSON, or of a kind that is not known."""

    code = "not_understood"
    http_status = 400
    is_retryable = False


class NotAMember(ChatError):
    """The asker does not belong to the tenant, so nothing can be read."""

    code = "no_membership"
    http_status = 403
    is_retryable = False


class SearchUnavailable(ChatError):
    """The search failed; that is not the same as having found nothing."""

    code = "search_unavailable"
    http_status = 503


class EvidenceWithdrawn(ChatError):
    """The asker lost a document that the answer rests on while it was being written."""

    code = "evidence_withdrawn"
    http_status = 409


class ModelUnavailable(ChatError):
    """The language model does not answer just now."""

    code = "model_unavailable"
    http_status = 503


class ModelRefused(ChatError):
    """The language model's endpoint refuses; asking again changes nothing."""

    code = "model_refused"
    http_status = 502
    is_retryable = False


class AnswerBrokenOff(ChatError):
    """The model's answer ended in the middle, so there is none."""

    code = "answer_broken_off"
    http_status = 502
