"""The Celery application. Queues: permissions, sync, index, webhooks."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("kenward")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["apps.documents", "apps.sync_events", "apps.sync_events.webhooks"])
