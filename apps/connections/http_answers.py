"""What a source's answers mean for the sync engine: one table of statuses, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from apps.connections.errors import (
    ConnectorError,
    ContractBroken,
    CredentialsRejected,
    ItemForbidden,
    ItemGone,
    RateLimited,
    ScopeMissing,
    SourceUnavailable,
)

# How long a source is left alone that asks for rest without saying how long (seconds).
REST_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that a provider may know better than the table of statuses.

    Attributes:
        body: parsed JSON; None where it is none.
        item: what was asked about, by external id; empty for anything else.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    item: str = ""


def retry_after_s(headers: Mapping[str, str], default: float = REST_S) -> float:
    """Return how long an answer asks to wait (RFC 9110, 10.2.3), in seconds, at least 0.

    A date is measured against the answer's own clock where it tells it, so that ours may be wrong.
    """
    told = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(told)
    except ValueError:
        return default
    try:
        now = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        now = datetime.now(UTC)
    if until.tzinfo is None or now.tzinfo is None:
        return default
    return max(0.0, (until - now).total_seconds())


def error_for(answer: Answer, host: str) -> ConnectorError:
    """Return what a status means where the provider says nothing better."""
    status, item = answer.status, answer.item
    if status == 401:
        return CredentialsRejected(
            f"{host} does not accept the account any more.", hint="Connect it again."
        )
    if status == 429 or (status == 503 and "retry-after" in answer.headers):
        wait_s = retry_after_s(answer.headers)
        return RateLimited(f"{host} asks for fewer requests.", retry_after_s=wait_s)
    if status == 408 or status >= 500:
        return unavailable(host, f"status {status}")
    if status == 403 and not item:
        return ScopeMissing(
            f"{host} does not let the account do this.",
            hint="Connect it again, and agree to what Kenward asks for.",
        )
    if status == 403:
        return ItemForbidden(
            "The source does not let Kenward read it.",
            external_id=item,
            hint="Give the connected account access to it.",
        )
    if status in {404, 410} and item:
        return ItemGone("The source has it no more.", external_id=item)
    return ContractBroken(
        f"{host} answered with status {status}, which Kenward does not expect.",
        hint="If it stays so, the source may have changed: look for an update of Kenward.",
    )


def unavailable(host: str, detail: str) -> SourceUnavailable:
    """Return the error of an answer that did not come, or not whole; worth another try."""
    return SourceUnavailable(
        f"{host} does not answer as it should just now.", detail=detail, may_pass_soon=True
    )
