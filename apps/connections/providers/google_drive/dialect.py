"""What Google's errors mean for the sync engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.connections.errors import (
    ConnectorError,
    CursorExpired,
    ItemForbidden,
    ItemUnsupported,
    RateLimited,
    ScopeMissing,
    SettingsRejected,
)
from apps.connections.http_answers import Answer, retry_after_s

# Google names no time to wait with its quotas and asks for a growing one that begins at a second.
_REST_S = 2.0
_QUOTA = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "sharingRateLimitExceeded"}
)
_SCOPE = frozenset({"insufficientPermissions", "insufficientScopes"})
_CLOSED = frozenset({"cannotDownloadFile", "cannotExportFile", "insufficientFilePermissions"})
_SWITCHED_OFF = frozenset({"accessNotConfigured", "domainPolicy", "serviceNotAvailable"})
_NO_CONTENT = {
    "exportSizeLimitExceeded": "Google exports at most 10 MB, and this document is larger.",
    "fileNotDownloadable": "Google has no file behind this document.",
    "fileNotExportable": "Google has no text of this document.",
    "cannotDownloadAbusiveFile": "Google takes this file for malware and does not hand it out.",
}


def judge(answer: Answer) -> ConnectorError | None:
    """Return the error that an answer means, or None where its status says it all.

    https://developers.google.com/workspace/drive/api/guides/handle-errors
    """
    if answer.status < 400:
        return None
    reason, location = _reason(answer.body)
    if answer.status in {403, 429} and (reason in _QUOTA or answer.status == 429):
        wait_s = retry_after_s(answer.headers, default=_REST_S)
        return RateLimited("Google asks for fewer requests.", retry_after_s=wait_s)
    if answer.status in {400, 404, 410} and location == "pageToken":
        return CursorExpired("Google does not know any more how far Kenward had read.")
    if answer.status == 400 and location == "convertTo":
        return _unsupported("Google cannot export it in this format.", answer.item)
    if answer.status != 403:
        return None
    return _forbidden(reason, answer.item)


def _forbidden(reason: str, item: str) -> ConnectorError | None:
    if reason in _SCOPE:
        return ScopeMissing(
            "Google does not let the account do this.",
            hint="Connect it again and agree to what Kenward asks for; for a service account, check"
            " the scopes in the Admin console under API controls, Domain-wide delegation.",
        )
    if reason in _SWITCHED_OFF:
        return SettingsRejected(
            "Drive is not switched on for Kenward or for this account.",
            hint="Enable the Google Drive API and the Admin SDK API in the Google Cloud project,"
            " and allow Drive apps in the Admin console.",
        )
    if reason in _NO_CONTENT:
        return _unsupported(_NO_CONTENT[reason], item)
    if reason in _CLOSED:
        return ItemForbidden(
            "Google does not let the connected account do this with the item.",
            external_id=item,
            hint="Its owner may have switched off downloading.",
        )
    return None


def _unsupported(message: str, item: str) -> ItemUnsupported:
    return ItemUnsupported(message, external_id=item)


def _reason(body: Any) -> tuple[str, str]:
    error = body.get("error") if isinstance(body, Mapping) else None
    errors = error.get("errors") if isinstance(error, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, Mapping):
        return "", ""
    return str(first.get("reason", "")), str(first.get("location", ""))
