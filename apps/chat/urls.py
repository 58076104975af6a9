"""Routes of the chat page."""

from __future__ import annotations

from django.urls import path

from apps.chat import views

app_name = "chat"
urlpatterns = [
    path("", views.new, name="new"),
    path("<uuid:uuid>/", views.conversation, name="conversation"),
    path("<uuid:uuid>/delete/", views.delete, name="delete"),
]
