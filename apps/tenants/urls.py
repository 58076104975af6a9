"""Routes of the tenant picker."""

from __future__ import annotations

from django.urls import path

from apps.tenants import views

app_name = "tenants"
urlpatterns = [
    path("choose/", views.choose, name="choose"),
    path("leave/", views.leave, name="leave"),
    path("<uuid:uuid>/switch/", views.switch, name="switch"),
    path("<uuid:uuid>/enter/", views.enter, name="enter"),
]
