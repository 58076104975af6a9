"""The language model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.chat.errors import AnswerBrokenOff, ChatError, ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

logger = logging.getLogger(__name__)

# Of the client itself: 429, 5xx and connections that fail, before an answer has begun.
_RETRIES = 2
_CONNECT_TIMEOUT_S = 5
_REWRITE_TOKENS = 200
_CHECK_KEY = "An administrator has to check LLM_API_KEY."
_CHECK_SETTINGS = "An administrator has to check LLM_BASE_URL and LLM_MODEL."


def is_configured() -> bool:
    """Return whether the settings name an endpoint and a model."""
    return bool(settings.LLM_BASE_URL and settings.LLM_MODEL)


async def stream(messages: Sequence[dict[str, str]]) -> AsyncIterator[str]:
    """Yield the model's answer piece by piece, as it is written.

    Raises:
        ModelUnavailable: it cannot be reached, is too busy, or says nothing.
        ModelRefused: it does not accept the key, the model's name or the request.
        AnswerBrokenOff: the connection ended before the answer did.
    """
    has_begun = is_finished = False
    async with await _client() as client:
        with _translated(lambda: has_begun):
            chunks: Any = await client.chat.completions.create(
                model=settings.LLM_MODEL, messages=_typed(messages), stream=True
            )
            async for chunk in chunks:
                for choice in chunk.choices[:1]:
                    is_finished = is_finished or choice.finish_reason is not None
                    if choice.delta.content:
                        has_begun = True
                        yield choice.delta.content
    if not has_begun:
        raise ModelUnavailable("The language model gave no answer.", hint="Try again.")
    if not is_finished:
        raise _broken_off("the stream ended without a reason")


async def complete(messages: Sequence[dict[str, str]]) -> str:
    """Return the model's short answer as a whole.

    Raises:
        ModelUnavailable: it cannot be reached, or is too busy.
        ModelRefused: it does not accept the key, the model's name or the request.
    """
    async with await _client() as client:
        with _translated(lambda: False):
            answer = await client.chat.completions.create(
                model=settings.LLM_MODEL,
                messages=_typed(messages),
                max_completion_tokens=_REWRITE_TOKENS,
            )
    return (answer.choices[0].message.content or "") if answer.choices else ""


async def _client() -> AsyncOpenAI:
    # The import takes a second, which must not stop every other socket of this process.
    openai = await asyncio.to_thread(import_module, "openai")
    httpx2 = import_module("httpx2")
    client: AsyncOpenAI = openai.AsyncOpenAI(
        base_url=settings.LLM_BASE_URL,
        api_key=settings.LLM_API_KEY or "none",  # the client refuses an empty one
        timeout=httpx2.Timeout(settings.KENWARD_LLM_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
        max_retries=_RETRIES,
    )
    return client


def _typed(messages: Sequence[dict[str, str]]) -> Any:
    return list(messages)


@contextmanager
def _translated(has_begun: Any) -> Iterator[None]:
    """Turn the client's errors into ours; what they say goes to the log only."""
    import httpx2
    from openai import APIStatusError, OpenAIError

    try:
        yield
    except APIStatusError as error:
        raise _refusal(error.status_code, _detail(error)) from error
    # While a body is being read, the transport's own errors come through as they are.
    except (OpenAIError, httpx2.HTTPError, ValueError) as error:
        if has_begun():
            raise _broken_off(_detail(error)) from error
        raise ModelUnavailable(
            "The language model cannot be reached just now.",
            hint="Try again in a moment.",
            detail=_detail(error),
        ) from error


def _refusal(status: int, detail: str) -> ChatError:
    logger.warning("the language model answered %d: %s", status, detail)
    if status in {401, 403}:
        return ModelRefused(
            "The language model does not accept Kenward's key.", hint=_CHECK_KEY, detail=detail
        )
    if status in {429, 529}:
        return ModelUnavailable(
            "The language model is too busy just now.",
            hint="Try again in a minute.",
            detail=detail,
        )
    if status >= 500 or status == 408:
        return ModelUnavailable(
            "The language model has a fault just now.", hint="Try again in a moment.", detail=detail
        )
    return ModelRefused(
        "The language model's endpoint does not accept Kenward's request.",
        hint=_CHECK_SETTINGS,
        detail=detail,
    )


def _detail(error: Exception) -> str:
    # Some endpoints repeat the key that they refuse.
    key = settings.LLM_API_KEY
    return repr(error).replace(key, "***") if key else repr(error)


def _broken_off(detail: str) -> AnswerBrokenOff:
    return AnswerBrokenOff(
        "The model's answer broke off.", hint="Try again asks it once more.", detail=detail
    )
