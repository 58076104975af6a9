"""Syncs in the admin: runs, their events, failed items, what is synced, and webhooks out."""

from __future__ import annotations

from apps.sync_events.admin import (
    drift,
    exposure,
    exposure_asked,
    holds,
    items,
    runs,
    sources,
    webhook_deliveries,
    webhook_endpoints,
)

__all__ = [
    "drift",
    "exposure",
    "exposure_asked",
    "holds",
    "items",
    "runs",
    "sources",
    "webhook_deliveries",
    "webhook_endpoints",
]
