"""The one way in which connectors ask a source over HTTP.

It keeps the connection's pace, renews a token that has ended, waits where a source asks for it,
tries again what may pass, and says by its errors what the sync engine is to do. A connector names
URLs and reads JSON; it never sees a credential.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx2

from apps.connections.errors import (
    ConnectorError,
    ContractBroken,
    CredentialsRejected,
    RateLimited,
    SourceUnavailable,
)
from apps.connections.http_answers import Answer, error_for, unavailable
from apps.connections.http_session import Content, new_session
from apps.connections.pace import Pace

# How often one request is sent at most, and the first pause between (seconds, then doubled).
TRIES = 4
PAUSE_S = 0.25
# A longer wait than this is not slept through: the run is laid down and comes back (seconds).
WORTH_WAITING_S = 5.0
MAX_JSON_BYTES = 64 * 1024 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 3


class Authorization(Protocol):
    """What a request is signed with."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers that let a request in, renewed where they have ended.

        Raises:
            CredentialsRejected: the source takes the account no more.
        """

    def was_refused(self) -> bool:
        """Note that the source did not take the last headers; return whether new ones may help."""


# Returns the error that an answer means in a provider's own dialect, or None.
Judge = Callable[[Answer], ConnectorError | None]


def judge_nothing(_: Answer) -> ConnectorError | None:
    """Leave every answer to the table of statuses."""
    return None


@dataclass(frozen=True, slots=True)
class SourceClient:
    """Asks one source for one account.

    Args:
        hosts: hosts (with ports, where not the usual one) that may be asked, checked beforehand.
        authorization: of the account.
        pace: of the connection.
        judge: what answers mean in this provider's dialect.
    """

    hosts: Collection[str]
    authorization: Authorization
    pace: Pace
    judge: Judge = judge_nothing
    _session: httpx2.Client = field(default_factory=new_session, repr=False)

    def get(self, url: str, params: Mapping[str, Any] | None = None, *, item: str = "") -> Any:
        """Return the JSON of an address.

        Args:
            url: absolute.
            params: of the query; those that are None are left out.
            item: external id that the answer is about, for the errors.

        Raises:
            ConnectorError: sorted by what is to be done.
        """
        return self._json("GET", url, item, params=_told(params))

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, Any] | None = None,
        content: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        item: str = "",
    ) -> Any:
        """Send a form, or JSON, and return the answer's JSON, if it has any; see `get`."""
        body: dict[str, Any] = {"params": _told(params)}
        if form is not None:
            body["data"] = _told(form)
        if content is not None:
            body["json"] = content
        return self._json("POST", url, item, **body)

    @contextmanager
    def opened(
        self, url: str, params: Mapping[str, Any] | None = None, *, item: str = ""
    ) -> Iterator[Content]:
        """Open what lies at an address, to be read as it arrives; see `get` for the errors.

        Reading raises `SourceUnavailable` where the source breaks off in between.
        """
        with self._asked("GET", url, item, params=_told(params)) as response:
            yield Content(response)

    def _json(self, method: str, url: str, item: str, **body: Any) -> Any:
        may_renew = True  # some providers say so in a body, with a status of 200
        for tries_left in reversed(range(TRIES)):
            try:
                with self._asked(method, url, item, **body) as response:
                    return self._parsed(response, item)
            except CredentialsRejected:
                if not tries_left or not may_renew or not self.authorization.was_refused():
                    raise
                may_renew = False
            except RateLimited as limited:
                if not tries_left or limited.retry_after_s > WORTH_WAITING_S:
                    raise
                time.sleep(limited.retry_after_s)
            except SourceUnavailable as error:
                if not tries_left or not error.may_pass_soon:
                    raise
                time.sleep(PAUSE_S * 2 ** (TRIES - 1 - tries_left) * random.uniform(0.5, 1.5))  # noqa: S311
        raise AssertionError("unreachable")

    @contextmanager
    def _asked(self, method: str, url: str, item: str, **body: Any) -> Iterator[httpx2.Response]:
        """Send a request and yield its answer once it is known to be no refusal."""
        signed_for = urlsplit(url).netloc
        for _ in range(_MAX_REDIRECTS + 1):
            is_signed = urlsplit(url).netloc == signed_for  # a link elsewhere carries its own right
            with self._sent(method, url, is_signed=is_signed, **body) as response:
                if response.status_code not in _REDIRECTS:
                    self._require_taken(response, item)
                    yield response
                    return
                url = urljoin(url, response.headers.get("location", ""))
                body.pop("params", None)
        raise ContractBroken(f"{_host(url)} sends Kenward from one address to the next.")

    @contextmanager
    def _sent(
        self, method: str, url: str, *, is_signed: bool, **body: Any
    ) -> Iterator[httpx2.Response]:
        self._require_known(url)
        for is_second in (False, True):
            self._wait()
            headers = self.authorization.headers() if is_signed else {}
            request = self._session.build_request(method, url, headers=headers, **body)
            response = self._send(request)
            try:
                is_refused = response.status_code == 401
                if is_refused and not is_second and self.authorization.was_refused():
                    continue
                yield response
                return
            finally:
                response.close()

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = self._session.send(request, stream=True, follow_redirects=False)
        except httpx2.TransportError as error:
            self.pace.failed()
            raise unavailable(_host(str(request.url)), repr(error)) from error
        if response.status_code >= 500:
            self.pace.failed()
        else:
            self.pace.succeeded()
        return response

    def _wait(self) -> None:
        wait_s = self.pace.wait_s()
        while wait_s:
            if wait_s > WORTH_WAITING_S:
                raise RateLimited(
                    "The source's limit of requests is used up.", retry_after_s=wait_s
                )
            time.sleep(wait_s)
            wait_s = self.pace.wait_s()

    def _require_known(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or parts.netloc not in self.hosts:
            raise ContractBroken(
                f"The source names an address at {parts.netloc or 'no host'}, which is not known.",
                hint="Add the host to the connection's settings if it belongs to the source.",
            )

    def _require_taken(self, response: httpx2.Response, item: str) -> None:
        if response.status_code < 300:
            return
        body = _read_json(response)
        answer = Answer(response.status_code, response.headers, body, item)
        raise self._noted(self.judge(answer) or error_for(answer, _host(str(response.url))))

    def _parsed(self, response: httpx2.Response, item: str) -> Any:
        host = _host(str(response.url))
        if response.status_code == 204:
            return None
        content = _limited(response, host)
        try:
            body = json.loads(content)
        except ValueError as error:  # a proxy's page, mostly: it may be gone in a moment
            raise unavailable(host, "no JSON") from error
        refusal = self.judge(Answer(response.status_code, response.headers, body, item))
        if refusal is not None:
            raise self._noted(refusal)
        return body

    def _noted(self, error: ConnectorError) -> ConnectorError:
        """Let the other lanes of this connection rest too, where the source asked for it."""
        if isinstance(error, RateLimited):
            self.pace.rest(error.retry_after_s)
        return error


def _read_json(response: httpx2.Response) -> Any:
    try:
        return json.loads(_limited(response, ""))
    except (ValueError, ConnectorError):
        return None


def _limited(response: httpx2.Response, host: str) -> bytes:
    content = bytearray()
    try:
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > MAX_JSON_BYTES:
                raise ContractBroken(f"{host} sends more than Kenward takes for a list.")
    except httpx2.TransportError as error:  # it broke off in between
        raise unavailable(host, repr(error)) from error
    return bytes(content)


def _told(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in values.items()
        if value is not None
    }


def _host(url: str) -> str:
    return urlsplit(url).netloc
