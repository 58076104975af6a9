"""What an IT admin makes at Slack: an app of the company's own, from a manifest."""

from __future__ import annotations

import json

from apps.connections.credentials.models import AuthMethod
from apps.connections.credentials.sign_in import SignIn

READ_SCOPES = (
    "channels:history",
    "channels:join",
    "channels:read",
    "files:read",
    "groups:history",
    "groups:read",
    "team:read",
    "users:read",
    "users:read.email",
)
DIRECT_SCOPES = ("im:history", "im:read", "mpim:history", "mpim:read")
WRITE_SCOPES = ("chat:write",)
# Source of the names: Slack's own description of its events; `group_` is for private channels.
EVENTS = (
    "app_uninstalled",
    "channel_archive",
    "channel_created",
    "channel_deleted",
    "channel_history_changed",
    "channel_id_changed",
    "channel_left",
    "channel_rename",
    "channel_shared",
    "channel_unarchive",
    "channel_unshared",
    "file_change",
    "file_deleted",
    "file_shared",
    "file_unshared",
    "group_archive",
    "group_deleted",
    "group_history_changed",
    "group_left",
    "group_rename",
    "group_unarchive",
    "member_joined_channel",
    "member_left_channel",
    "message.channels",
    "message.groups",
    "team_join",
    "tokens_revoked",
    "user_change",
)
DIRECT_EVENTS = ("message.im", "message.mpim")
SIGN_IN = SignIn(
    methods=(AuthMethod.OAUTH, AuthMethod.API_KEY),
    endpoints={
        "authorize": "https://slack.com/oauth/v2/authorize",
        "token": "https://slack.com/api/oauth.v2.access",
        "revoke": "https://slack.com/api/auth.revoke",
        "api": "https://slack.com/api",
        "files": "https://files.slack.com",
    },
    read_scopes=READ_SCOPES,
    write_scopes=WRITE_SCOPES,
    scope_separator=",",
    uses_pkce=False,
    signs_deliveries=True,
    setup=(
        "Make an app of your own at api.slack.com/apps: “Create New App”, “From a manifest”, and"
        " paste the manifest. An app that is not distributed keeps Slack's usual limits; one that"
        " is, outside of Slack's Marketplace, may ask for history once a minute only, which is too"
        " little.",
        "Under “Basic Information” copy the client ID, the client secret and the signing secret.",
        "Connect the account: an owner or admin of the workspace agrees. Or install the app at"
        " Slack and paste the bot token, which begins with xoxb-, as an API key.",
        "Invite the app to the private channels that are to be synced: /invite @Kenward.",
        "For direct and group messages add the scopes im:history, im:read, mpim:history and"
        " mpim:read, install the app again and paste its bot token.",
    ),
)


def app_manifest(
    *, redirect_uri: str, events_uri: str = "", name: str = "Kenward", direct: bool = False
) -> str:
    """Return the manifest of the company's own app, as YAML, to be pasted at Slack.

    Source: https://docs.slack.dev/reference/app-manifest

    Args:
        redirect_uri: where people come back to after they agreed.
        events_uri: where Slack sends events; empty: nowhere, and changes are polled.
        name: what people call the app and its bot.
        direct: whether direct and group messages are to be synced.
    """
    scopes = sorted((*READ_SCOPES, *(DIRECT_SCOPES if direct else ())))
    lines = [
        "display_information:",
        f"  name: {_quoted(name)}",
        '  description: "Finds what you may read, for those who may read it"',
        "features:",
        "  bot_user:",
        f"    display_name: {_quoted(name)}",
        "    always_online: true",
        "oauth_config:",
        "  redirect_urls:",
        f"    - {_quoted(redirect_uri)}",
        "  scopes:",
        "    bot:",
        *(f"      - {scope}" for scope in scopes),
        "settings:",
    ]
    if events_uri:
        events = sorted((*EVENTS, *(DIRECT_EVENTS if direct else ())))
        lines += [
            "  event_subscriptions:",
            f"    request_url: {_quoted(events_uri)}",
            "    bot_events:",
            *(f"      - {event}" for event in events),
        ]
    lines += [
        "  org_deploy_enabled: false",
        "  socket_mode_enabled: false",
        "  token_rotation_enabled: true",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a text as YAML's double quotes hold it, which are JSON's."""
    return json.dumps(text, ensure_ascii=False)
