"""The kinds of source that Kenward can connect: one line each, imported on first use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from apps.connections.credentials.account import Account, account_of
from apps.connections.credentials.sign_in import SignIn
from apps.connections.errors import SettingsRejected
from apps.connections.protocol import Capabilities, Connector, FollowsChanges
from apps.connections.settings_form import SettingsForm

if TYPE_CHECKING:
    from apps.connections.models import Connection

# kind -> (label, dotted path of the connector)
REGISTRY: dict[str, tuple[str, str]] = {
    "file_share": ("Folder", "apps.connections.providers.file_share.connector.FileShare"),
    "google_drive": (
        "Google Drive",
        "apps.connections.providers.google_drive.connector.GoogleDrive",
    ),
}
# What Kenward itself connects and nobody can choose: kind -> dotted path.
_INTERNAL: dict[str, str] = {
    "canary": "apps.connections.providers.canary.connector.CanarySource",
    "proof": "apps.ops.proof.company.TextSource",
}


class LocalProvider(Connector, Protocol):
    """What a connector's class offers beside the protocol where no account is needed.

    Any provider may also declare the schema of what it tells in `RemoteItem.fields`
    (`fields_schemas`).
    """

    settings_form: ClassVar[type[SettingsForm]]

    def __init__(self, settings: Mapping[str, Any], *, tenant_slug: str) -> None: ...


class RemoteProvider(Connector, Protocol):
    """What a connector's class offers beside the protocol where an account is signed in to.

    Attributes:
        settings_form: what of the account is synced, and how.
        sign_in: how accounts are connected.
        capabilities: what the engine may count on.
    """

    settings_form: ClassVar[type[SettingsForm]]
    sign_in: ClassVar[SignIn]
    capabilities: ClassVar[Capabilities]

    def __init__(self, settings: Mapping[str, Any], *, account: Account) -> None: ...

    def item_space(self) -> str:
        """Return where ids of items are unique: what two accounts see there is one item."""


Provider = LocalProvider | RemoteProvider


def load(kind: str) -> type[Provider]:
    """Return the connector's class of a kind.

    Raises:
        SettingsRejected: this installation knows no such kind.
    """
    try:
        _, path = REGISTRY[kind]
    except KeyError as error:
        raise SettingsRejected(
            f"Kenward knows no source of the kind “{kind}”.",
            hint=f"Known kinds: {', '.join(sorted(REGISTRY))}.",
        ) from error
    return cast(type[Provider], _class_at(path))


def remote(kind: str) -> type[RemoteProvider] | None:
    """Return the class of a kind that is signed in to; None for one that needs no account.

    Raises:
        SettingsRejected: see `load`.
    """
    found = load(kind)
    return cast(type[RemoteProvider], found) if hasattr(found, "sign_in") else None


def follows_changes(kind: str) -> bool:
    """Return whether sources of a kind keep logs of changes; an unknown kind keeps none."""
    return kind in REGISTRY and issubclass(load(kind), FollowsChanges)


# What is on this machine is asked without waiting, so a slice is short (seconds).
_LOCAL_SLICE_S = 1.0


def slice_s(kind: str) -> float:
    """Return for how long a worker works on a run before it looks at its queues again (seconds)."""
    provider = remote(kind) if kind in REGISTRY else None
    return provider.capabilities.slice_s if provider is not None else _LOCAL_SLICE_S


def is_remote(kind: str) -> bool:
    """Return whether a kind of source is signed in to; one that is not known is not."""
    return kind in REGISTRY and remote(kind) is not None


def label_of(kind: str) -> str:
    """Return what people call a kind of source; an unknown kind is called by its own name."""
    return REGISTRY[kind][0] if kind in REGISTRY else kind


def local(kind: str, settings: Mapping[str, Any], *, tenant_slug: str) -> Connector:
    """Return a connector that needs no account.

    Raises:
        SettingsRejected: the kind is not known, is signed in to, or cannot read the settings.
    """
    if remote(kind) is not None:
        raise SettingsRejected("An account has to be connected first.")
    provider = cast(type[LocalProvider], _class_at(REGISTRY[kind][1]))
    return provider(settings, tenant_slug=tenant_slug)


def with_settings(
    kind: str,
    settings: Mapping[str, Any],
    *,
    tenant_slug: str,
    connection: Connection | None = None,
) -> Connector:
    """Return a connector with settings that need not be stored yet.

    Args:
        kind: of the source.
        settings: as `Connection.settings` would hold them.
        tenant_slug: whose connection it is.
        connection: the stored one, by whose account a source is asked that needs one.

    Raises:
        SettingsRejected: the settings cannot be read, or there is no connection with an account.
        CredentialsRejected: its account does not count any more.
    """
    provider = remote(kind)
    if provider is None or connection is None:
        return local(kind, settings, tenant_slug=tenant_slug)
    return provider(settings, account=_account(connection, provider))


def connector_for(connection: Connection) -> Connector:
    """Return the connector of a stored connection.

    Raises:
        SettingsRejected: its kind is not known, or its settings cannot be read.
        CredentialsRejected: it needs an account, and has none that counts.
    """
    if connection.kind in _INTERNAL:
        made: Connector = _class_at(_INTERNAL[connection.kind])(
            connection.settings, tenant_slug=connection.tenant.slug
        )
        return made
    provider = remote(connection.kind)
    if provider is None:
        return local(connection.kind, connection.settings, tenant_slug=connection.tenant.slug)
    return provider(connection.settings, account=_account(connection, provider))


def _account(connection: Connection, provider: type[RemoteProvider]) -> Account:
    return account_of(connection.pk, str(connection.uuid), provider.sign_in, provider.capabilities)


def _class_at(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
