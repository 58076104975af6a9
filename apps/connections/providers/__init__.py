"""The kinds of source that Kenward can connect: one line each, imported on first use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from apps.connections.errors import SettingsRejected
from apps.connections.protocol import Connector
from apps.connections.settings_form import SettingsForm

if TYPE_CHECKING:
    from apps.connections.models import Connection

# kind -> (label, dotted path of the connector)
REGISTRY: dict[str, tuple[str, str]] = {
    "file_share": ("Folder", "apps.connections.providers.file_share.connector.FileShare"),
}
# What Kenward itself connects and nobody can choose: kind -> dotted path.
_INTERNAL: dict[str, str] = {
    "canary": "apps.connections.providers.canary.connector.CanarySource",
    "proof": "apps.ops.proof.company.TextSource",
}


class Provider(Connector, Protocol):
    """What a connector's class offers beside the protocol: its settings, and how it is made.

    It may also declare the schema of what it tells in `RemoteItem.fields` (`fields_schemas`).
    """

    settings_form: ClassVar[type[SettingsForm]]

    def __init__(self, settings: Mapping[str, Any], *, tenant_slug: str) -> None: ...


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


def label_of(kind: str) -> str:
    """Return what people call a kind of source; an unknown kind is called by its own name."""
    return REGISTRY[kind][0] if kind in REGISTRY else kind


def connector_for(connection: Connection) -> Connector:
    """Return the connector of a stored connection.

    Raises:
        SettingsRejected: its kind is not known, or its settings cannot be read.
    """
    if connection.kind in _INTERNAL:
        made: Connector = _class_at(_INTERNAL[connection.kind])(
            connection.settings, tenant_slug=connection.tenant.slug
        )
        return made
    return load(connection.kind)(connection.settings, tenant_slug=connection.tenant.slug)


def _class_at(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
