"""Puts Kenward's admin site in the place of Django's."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class KenwardAdminConfig(AdminConfig):
    """The admin app with our site; apart from the site itself, which needs the models first."""

    default_site = "config.admin.KenwardAdminSite"
