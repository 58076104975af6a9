"""Errors of a source, sorted by what the sync engine does about them.

ConnectorError
├── CredentialsRejected   pause the connection, tell the admin
├── ScopeMissing          pause the connection, tell the admin
├── SettingsRejected      pause the connection, tell the admin
├── RateLimited           come back to the same page after a while
├── SourceUnavailable     back off, try again
├── CursorExpired         start a full sweep
├── ContractBroken        the source answers in a way nobody foresaw: fail the run loudly
├── OwnFault              Kenward's own: a few more tries, then fail the run
├── PushRefused           a delivery that does not come from the source: answer 4xx, do nothing
└── ItemError             one item; the run goes on
    ├── ItemGone          delete it
    ├── ItemForbidden     hide it, list it as failed
    └── ItemUnsupported   list it as failed
"""

from __future__ import annotations

from apps.errors import KenwardError


class ConnectorError(KenwardError):
    """A source could not be read."""

    code = "connector"


class CredentialsRejected(ConnectorError):
    """The source does not accept the stored credentials any more."""

    code = "credentials_rejected"


class ScopeMissing(ConnectorError):
    """The account is accepted, and may not do what this connection needs."""

    code = "scope_missing"


class SettingsRejected(ConnectorError):
    """The connection's settings cannot work as they are."""

    code = "settings_rejected"
    http_status = 400


class RateLimited(ConnectorError):
    """The source asks for fewer requests.

    Args:
        message: for the admin.
        retry_after_s: seconds the source asks to wait.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SourceUnavailable(ConnectorError):
    """The source does not answer just now.

    Args:
        message: for the admin.
        may_pass_soon: whether the same request is worth another try at once.
    """

    code = "source_unavailable"

    def __init__(
        self, message: str, *, hint: str = "", detail: str = "", may_pass_soon: bool = False
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.may_pass_soon = may_pass_soon


class CursorExpired(ConnectorError):
    """The source no longer knows the point from which changes were asked."""

    code = "cursor_expired"


class ContractBroken(ConnectorError):
    """The source answered in a form that the connector does not know."""

    code = "contract_broken"


class OwnFault(ConnectorError):
    """Something is wrong with Kenward itself."""

    code = "fault"


class PushRefused(ConnectorError):
    """A delivery is not signed by the source, too old, or makes no sense."""

    code = "push_refused"
    http_status = 400


class ItemError(ConnectorError):
    """One item could not be read.

    Args:
        message: for the admin; may name the path.
        external_id: the item, as the source names it.
        hint: what to do about it.
    """

    code = "item"

    def __init__(self, message: str, *, external_id: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.external_id = external_id


class ItemGone(ItemError):
    """The item is not there any more."""

    code = "item_gone"


class ItemForbidden(ItemError):
    """The source refuses to hand out the item."""

    code = "item_forbidden"


class ItemUnsupported(ItemError):
    """Kenward cannot read this kind of item."""

    code = "item_unsupported"
