"""Routes of documents."""

from __future__ import annotations

from django.urls import path

from apps.documents import record_pages, views

app_name = "documents"
urlpatterns = [
    path("<uuid:uuid>/", views.document, name="document"),
    path("<uuid:uuid>/original", views.original, name="original"),
    path("<uuid:uuid>/record.json", record_pages.record, name="record"),
]
