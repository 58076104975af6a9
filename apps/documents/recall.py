"""Makes connectors that know what they told of an item before, where they want to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from apps.connections import providers
from apps.connections.models import Connection
from apps.connections.protocol import Connector, Recalls
from apps.documents.models import Document


def connector_for(connection: Connection) -> Connector:
    """Return the connector of a stored connection; see `providers.connector_for`."""
    connector = providers.connector_for(connection)
    if isinstance(connector, Recalls):
        connector.recalls(lambda external_ids: fields_of(connection, external_ids))
    return connector


class Connectors:
    """The connectors of one turn of work: one for each connection, by one thread.

    What a connector has learned of its source (who is who, which drives there are) serves for all
    items of the turn.
    """

    def __init__(self) -> None:
        self._by_connection: dict[int, Connector] = {}

    def of(self, connection: Connection) -> Connector:
        """Return the connector of a connection; see `connector_for`."""
        if connection.pk not in self._by_connection:
            self._by_connection[connection.pk] = connector_for(connection)
        return self._by_connection[connection.pk]


def fields_of(
    connection: Connection, external_ids: Sequence[str]
) -> Mapping[str, Mapping[str, Any]]:
    """Return what the source alone knows of items, by external id; unknown ones are left out."""
    with transaction.atomic():
        known = Document.objects.filter(connection=connection, external_id__in=list(external_ids))
        return dict(known.values_list("external_id", "fields"))
