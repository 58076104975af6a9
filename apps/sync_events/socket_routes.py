"""Routes of the WebSockets."""

from __future__ import annotations

from django.urls import path

from apps.sync_events.progress_socket import ProgressConsumer

websocket_urlpatterns = [path("ws/sync/", ProgressConsumer.as_asgi())]
