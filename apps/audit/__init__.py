"""The audit trail. `audit.record(...)` is the only way in."""

from __future__ import annotations

from typing import Any


def record(
    action: str,
    *,
    tenant_id: int,
    actor_id: int | None = None,
    target: Any = None,
    **details: Any,
) -> None:
    """Append one event in the caller's transaction, so that act and record stand or fall together.

    Args:
        action: what was done, as `noun.verb` in the past tense (`connection.paused`).
        tenant_id: whose trail it belongs to.
        actor_id: the person; None when Kenward itself acted.
        target: model instance that was acted on; its uuid (or key) is kept, never its content.
        details: further JSON values: ids, counts, settings' names; no titles and no text.
    """
    from apps.audit.models import Event  # models load only after the apps are ready

    Event.objects.create(
        tenant_id=tenant_id,
        action=action,
        actor_id=actor_id,
        target_type=target._meta.label_lower if target is not None else "",
        target_id=str(getattr(target, "uuid", None) or target.pk) if target is not None else "",
        details=details,
    )
