"""Routes of the sign-in at sources."""

from __future__ import annotations

from django.urls import path

from apps.sync_events.accounts import oauth_views

app_name = "connectors"
urlpatterns = [
    path("oauth/start/<uuid:uuid>/", oauth_views.start, name="start"),
    path("oauth/callback", oauth_views.callback, name="callback"),
]
