"""Routes of collections."""

from __future__ import annotations

from django.urls import path

from apps.documents import collections_views

app_name = "collections"
urlpatterns = [
    path("", collections_views.index, name="index"),
    path("add", collections_views.add, name="add"),
    path("<uuid:uuid>/", collections_views.collection, name="collection"),
    path("<uuid:uuid>/change", collections_views.change, name="change"),
    path("<uuid:uuid>/delete", collections_views.delete, name="delete"),
    path("<uuid:uuid>/remove", collections_views.remove, name="remove"),
]
