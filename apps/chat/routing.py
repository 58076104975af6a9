"""Routes of the WebSockets."""

from __future__ import annotations

from django.urls import path

from apps.chat.consumers import ChatConsumer

websocket_urlpatterns = [path("ws/chat/<uuid:uuid>/", ChatConsumer.as_asgi())]
