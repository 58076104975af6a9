"""How accounts of Google Drive are connected, and what Drive does not tell."""

from __future__ import annotations

from apps.connections.credentials.models import AuthMethod
from apps.connections.credentials.sign_in import SignIn

_SCOPES = "https://www.googleapis.com/auth/"

SIGN_IN = SignIn(
    methods=(AuthMethod.OAUTH, AuthMethod.SERVICE_ACCOUNT),
    endpoints={
        "authorize": "https://accounts.google.com/o/oauth2/v2/auth",
        "token": "https://oauth2.googleapis.com/token",
        "revoke": "https://oauth2.googleapis.com/revoke",
        "drive": "https://www.googleapis.com/drive/v3",
        "directory": "https://admin.googleapis.com/admin/directory/v1",
    },
    read_scopes=(
        f"{_SCOPES}drive.readonly",
        f"{_SCOPES}admin.directory.user.readonly",
        f"{_SCOPES}admin.directory.group.readonly",
        f"{_SCOPES}admin.directory.group.member.readonly",
    ),
    write_scopes=(f"{_SCOPES}drive.file",),
    # Only with both of these Google hands out a refresh token, each time.
    extra={"access_type": "offline", "prompt": "consent"},
    setup=(
        "In the Google Cloud console, create a project and enable the Google Drive API; for a"
        " service account the Admin SDK API, too.",
        "To connect accounts of single people: configure the OAuth consent screen as “Internal”,"
        " create an OAuth client of the type “Web application”, enter the redirect address shown"
        " here, and copy the client's ID and secret.",
        "To connect the whole company: create a service account and a JSON key for it, and paste"
        " the key file.",
        "For a service account: in the Admin console under Security, Access and data control, API"
        " controls, Domain-wide delegation, add its client ID with the scopes shown here.",
        "Enter the address of an administrator, in whose name people, groups and shared drives are"
        " listed.",
    ),
)

CANNOT = (
    "An account of one person cannot see who is in a group, so what is shared with a group is"
    " found only by the people who are named beside it. Connect a service account to change that.",
    "Google sends no word when the members of a group change: that is noticed by the comparison of"
    " permissions.",
    "Files that people outside the company own are not listed by a service account, whoever they"
    " are shared with.",
    "Documents of Google's editors are exported, and Google exports at most 10 MB of each.",
)
