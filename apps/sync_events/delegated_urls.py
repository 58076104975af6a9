"""Routes of “Sources shared with you”."""

from __future__ import annotations

from django.urls import path

from apps.sync_events import delegated_views

app_name = "sources"
urlpatterns = [
    path("", delegated_views.index, name="index"),
    path("<uuid:uuid>/sync", delegated_views.sync, name="sync"),
    path("<uuid:uuid>/pause", delegated_views.pause, name="pause"),
    path("<uuid:uuid>/resume", delegated_views.resume, name="resume"),
]
