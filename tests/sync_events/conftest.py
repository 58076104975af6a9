"""A connected folder of Acme, committed, as other workers see it, and a receiver of webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from apps.sync_events.webhooks.models import WebhookEndpoint
from tests.sync_events.folder import Folder, connect
from tests.sync_events.webhook_receiver import Receiver, receiving, subscribe
from tests.world import World


@pytest.fixture
def folder(committed_world: World, tmp_path: Path, settings: LazySettings) -> Folder:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    path = tmp_path / "share"
    path.mkdir()
    return connect(committed_world.acme, path)


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    """Return a receiver of webhooks that the operator allows."""
    with receiving() as found:
        settings.KENWARD_PRIVATE_DESTINATIONS = {f"127.0.0.1:{found.port}"}
        yield found


@pytest.fixture
def endpoint(world: World, receiver: Receiver) -> WebhookEndpoint:
    """Return an endpoint of Acme, for all events."""
    return subscribe(world.acme, receiver.url())
