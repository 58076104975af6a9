"""Routes of the published schemas."""

from __future__ import annotations

from django.urls import path

from apps.documents import record_schemas

app_name = "schemas"
urlpatterns = [
    path("v1/<slug:name>.json", record_schemas.schema, name="schema"),
    path("v1/fields/<slug:provider>.json", record_schemas.fields_schema, name="fields"),
]
