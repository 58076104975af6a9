"""Routes of the sharing page."""

from __future__ import annotations

from django.urls import path

from apps.acls import sharing_views

app_name = "sharing"
urlpatterns = [path("<slug:kind>/<uuid:uuid>/", sharing_views.share, name="share")]
