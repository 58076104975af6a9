"""The routes of all WebSockets."""

from __future__ import annotations

from apps.chat.routing import websocket_urlpatterns as chat

websocket_urlpatterns = [*chat]
