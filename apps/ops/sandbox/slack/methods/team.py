"""Methods about the token itself and about the workspace."""

from __future__ import annotations

from apps.ops.sandbox.slack.calls import Call
from apps.ops.sandbox.slack.shapes import Json


def auth_test(call: Call) -> Json:
    """Answer `auth.test`."""
    workspace = call.workspace
    who = workspace.person(call.token.user_id)
    return {
        "url": workspace.address,
        "team": workspace.name,
        "user": who.handle,
        "team_id": workspace.team_id,
        "user_id": who.id,
        "is_enterprise_install": False,
        **({"bot_id": workspace.app.bot_id} if call.token.is_bot else {}),
    }


def revoke(call: Call) -> Json:
    """Answer `auth.revoke`."""
    if call.flag("test"):
        return {"revoked": False}
    call.workspace.revoke(call.token.value)
    return {"revoked": True}


def info(call: Call) -> Json:
    """Answer `team.info`."""
    call.need("team:read")
    workspace = call.workspace
    return {
        "team": {
            "id": workspace.team_id,
            "name": workspace.name,
            "domain": workspace.domain,
            "email_domain": "",
            "icon": {"image_default": True},
        }
    }
