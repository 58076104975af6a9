"""Syncs in the admin: runs with live progress, their events, failed items, and what is synced."""

from __future__ import annotations

from apps.sync_events.admin import drift, holds, items, runs, sources

__all__ = ["drift", "holds", "items", "runs", "sources"]
