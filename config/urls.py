"""The routes of the whole site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from apps.ops.metrics import metrics
from apps.sync_events.push_in.views import push

urlpatterns = [
    path("", RedirectView.as_view(url="/chat/"), name="home"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("tenants/", include("apps.tenants.urls")),
    path("chat/", include("apps.chat.urls")),
    path("search/", include("apps.search.urls")),
    path("documents/", include("apps.documents.urls")),
    path("collections/", include("apps.documents.collections_urls")),
    path("connectors/push/<uuid:tenant_uuid>/<uuid:connection_uuid>/", push, name="push"),
    path("schemas/", include("apps.documents.schema_urls")),
    path("sources/", include("apps.sync_events.delegated_urls")),
    path("connections/", include("apps.sync_events.accounts.urls")),
    path("connectors/", include("apps.sync_events.accounts.oauth_urls")),
    path("share/", include("apps.acls.sharing_urls")),
    path("health/", include("apps.ops.urls")),
    path("admin/", admin.site.urls),
    path("metrics", metrics, name="metrics"),
]

handler400 = "config.error_pages.bad_request"
handler403 = "config.error_pages.permission_denied"
handler404 = "config.error_pages.page_not_found"
handler500 = "config.error_pages.server_error"
