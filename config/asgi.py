"""The ASGI application: Django for HTTP, Channels for WebSockets."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Loads the apps, which everything below needs.
_http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from config.canary_sockets import CanarySockets  # noqa: E402
from config.websockets import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": _http,
        # A page of another site cannot open a socket with the visitor's cookies.
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(CanarySockets(URLRouter(websocket_urlpatterns)))
        ),
    }
)
