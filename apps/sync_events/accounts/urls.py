"""Routes of “Connect your sources”."""

from __future__ import annotations

from django.urls import path

from apps.sync_events.accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.index, name="index"),
    path("<uuid:uuid>/choose/", views.choose, name="choose"),
    path("<uuid:uuid>/start", views.start, name="start"),
    path("<uuid:uuid>/pause", views.pause, name="pause"),
    path("<uuid:uuid>/disconnect/", views.disconnect, name="disconnect"),
    path("<uuid:uuid>/documents/", views.documents, name="documents"),
    path("<uuid:uuid>/events/", views.events, name="events"),
]
