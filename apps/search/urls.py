"""Routes of the search page."""

from __future__ import annotations

from django.urls import path

from apps.search.page import saved_views, views

app_name = "search"
urlpatterns = [
    path("", views.search, name="search"),
    path("suggest", views.suggest, name="suggest"),
    path("like/<uuid:uuid>/", views.like, name="like"),
    path("saved/", saved_views.saved, name="saved"),
    path("saved/forget", saved_views.forget, name="forget"),
    path("saved/<uuid:uuid>/rename", saved_views.rename, name="rename"),
    path("saved/<uuid:uuid>/delete", saved_views.delete, name="delete"),
]
