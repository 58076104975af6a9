"""The routes of all WebSockets."""

from __future__ import annotations

from apps.chat.routing import websocket_urlpatterns as chat
from apps.sync_events.socket_routes import websocket_urlpatterns as syncs

websocket_urlpatterns = [*chat, *syncs]
