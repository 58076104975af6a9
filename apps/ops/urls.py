"""Where monitoring asks how Kenward is."""

from __future__ import annotations

from django.urls import path

from apps.ops import health

urlpatterns = [
    path("live", health.live, name="health-live"),
    path("ready", health.ready, name="health-ready"),
]
