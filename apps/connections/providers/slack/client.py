"""Asks Slack's web API, and says what its answers mean.

Nearly every answer comes with status 200; `ok` and `error` in its body say what became of it:
https://docs.slack.dev/apis/web-api/#responses
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from apps.connections.credentials.account import Account
from apps.connections.errors import (
    ConnectorError,
    ContractBroken,
    CredentialsRejected,
    CursorExpired,
    ItemForbidden,
    ItemGone,
    RateLimited,
    ScopeMissing,
    SourceUnavailable,
)
from apps.connections.http_answers import Answer, retry_after_s
from apps.connections.http_session import Content

# How many things one request of a list asks for. Slack recommends at most 200; of names and ids,
# which are small, it hands out up to 1000.
PAGE = 200
LIST_PAGE = 500

_REJECTED = frozenset(
    {
        "account_inactive",
        "enterprise_is_restricted",
        "invalid_auth",
        "not_authed",
        "org_login_required",
        "token_expired",
        "token_revoked",
    }
)
_NOT_ALLOWED = frozenset({"missing_scope", "no_permission", "not_allowed_token_type"})
_GONE = frozenset(
    {
        "channel_not_found",
        "file_deleted",
        "file_not_found",
        "message_not_found",
        "thread_not_found",
        "user_not_found",
        "users_not_found",
    }
)
_CLOSED = frozenset(
    {"access_denied", "is_archived", "method_not_supported_for_channel_type", "not_in_channel"}
)
_PASSING = frozenset(
    {
        "fatal_error",
        "fetch_members_failed",
        "internal_error",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)


class SlackClient:
    """Asks for one account.

    Args:
        account: whose token signs the requests.
    """

    def __init__(self, account: Account) -> None:
        self._base = account.endpoints["api"]
        self._ahead = timedelta(0)
        self._http = account.client(judge=self._judge)

    def ask(self, method: str, *, item: str = "", **arguments: Any) -> Mapping[str, Any]:
        """Return the answer of a method that reads.

        Args:
            method: by Slack's name.
            item: external id that it is about, for the errors.
            arguments: those that are None are left out.

        Raises:
            ConnectorError: see `judge`.
        """
        answer: Mapping[str, Any] = self._http.get(f"{self._base}/{method}", arguments, item=item)
        return answer

    def tell(self, method: str, *, item: str = "", **arguments: Any) -> Mapping[str, Any]:
        """Return the answer of a method that changes something; see `ask`."""
        url = f"{self._base}/{method}"
        answer: Mapping[str, Any] = self._http.post(url, form=arguments, item=item)
        return answer

    def listed(self, method: str, key: str, *, item: str = "", **arguments: Any) -> list[Any]:
        """Return a whole list that comes in pages, from the beginning again if a cursor ends.

        Args:
            method: by Slack's name.
            key: where in the answer the items stand.
            item: external id that it is about, for the errors.
            arguments: `limit` among them.

        Raises:
            CursorExpired: it ended twice.
            ConnectorError: see `judge`.
        """
        try:
            return list(self._pages(method, key, item, arguments))
        except CursorExpired:
            return list(self._pages(method, key, item, arguments))

    def opened(self, url: str, *, item: str) -> AbstractContextManager[Content]:
        """Open a file's bytes; what comes may be a sign-in page, see `Content.media_type`."""
        return self._http.opened(url, item=item)

    def now(self) -> datetime:
        """Return what time it is at Slack, as its last answer told."""
        return datetime.now(UTC) + self._ahead

    def _pages(
        self, method: str, key: str, item: str, arguments: Mapping[str, Any]
    ) -> Iterator[Any]:
        cursor, seen = None, {""}
        while cursor != "":
            answer = self.ask(method, item=item, cursor=cursor, **arguments)
            yield from items(answer, key)
            cursor = next_cursor(answer)
            if cursor in seen and cursor:
                raise ContractBroken(f"Slack's {method} hands out the same page again and again.")
            seen.add(cursor)

    def _judge(self, answer: Answer) -> ConnectorError | None:
        try:
            told = parsedate_to_datetime(answer.headers.get("date", ""))
            self._ahead = told - datetime.now(UTC)
        except (TypeError, ValueError):
            pass  # a proxy that tells no time; ours has to do
        return judge(answer)


def items(answer: Mapping[str, Any], key: str) -> list[Any]:
    """Return the list in an answer.

    Raises:
        ContractBroken: there is none.
    """
    found = answer.get(key)
    if isinstance(found, list):
        return found
    raise ContractBroken(f"Slack leaves out “{key}”, which it always tells.")


def next_cursor(answer: Mapping[str, Any]) -> str:
    """Return where a list goes on; empty at its end."""
    meta = answer.get("response_metadata")
    return str(meta.get("next_cursor") or "") if isinstance(meta, Mapping) else ""


def judge(answer: Answer) -> ConnectorError | None:
    """Return what an answer of Slack means, None for one that says yes.

    Source of the codes: the «Errors» tables of the methods, https://docs.slack.dev/reference/methods
    """
    body = answer.body
    if not isinstance(body, Mapping) or not isinstance(body.get("ok"), bool):
        if answer.status >= 300:
            return None  # a proxy's answer, or none at all
        return ContractBroken("Slack answers in a form that Kenward does not know.")
    if body["ok"]:
        return None
    code = str(body.get("error") or "")
    if answer.status == 429 or code in {"ratelimited", "rate_limited"}:
        wait_s = retry_after_s(answer.headers)
        return RateLimited("Slack asks for fewer requests.", retry_after_s=wait_s)
    return _of_account(code, body) or _of_item(code, answer.item) or _of_source(code)


def _of_account(code: str, body: Mapping[str, Any]) -> ConnectorError | None:
    if code in _REJECTED:
        return CredentialsRejected(
            f"Slack does not accept the account any more ({code}).", hint="Connect it again."
        )
    if code in _NOT_ALLOWED:
        return scope_missing(str(body.get("needed") or code))
    return None


def scope_missing(needed: str) -> ScopeMissing:
    """Return the error of a right that the app was not given."""
    return ScopeMissing(
        f"Slack does not let the account do this: “{needed}” is missing.",
        hint="Add the scope to the app at Slack, install the app again, and reconnect.",
    )


def _of_item(code: str, item: str) -> ConnectorError | None:
    if code in _GONE:
        return ItemGone("Slack has it no more, or hides it.", external_id=item)
    if code in _CLOSED:
        return ItemForbidden(
            f"Slack does not let Kenward read it ({code}).",
            external_id=item,
            hint="Invite the app to the channel: /invite @Kenward",
        )
    return None


def _of_source(code: str) -> ConnectorError:
    if code == "invalid_cursor":
        return CursorExpired("Slack no longer knows the place where a list was to go on.")
    if code in _PASSING:
        return SourceUnavailable(
            "Slack does not answer as it should just now.", detail=code, may_pass_soon=True
        )
    return ContractBroken(
        f"Slack answered “{code[:100]}”, which Kenward does not expect.",
        hint="If it stays so, Slack may have changed: look for an update of Kenward.",
    )
