"""Syncs in the admin: runs, their events, failed items, what is synced, and webhooks out."""

from __future__ import annotations

from apps.sync_events.admin import (
    drift,
    holds,
    items,
    runs,
    sources,
    webhook_deliveries,
    webhook_endpoints,
)

__all__ = [
    "drift",
    "holds",
    "items",
    "runs",
    "sources",
    "webhook_deliveries",
    "webhook_endpoints",
]
