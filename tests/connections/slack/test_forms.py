"""What an IT admin enters is checked, stored and shown again; the app's manifest is complete."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from apps.connections.errors import SettingsRejected
from apps.connections.providers.slack import setup
from apps.connections.providers.slack.connector import Slack
from apps.connections.providers.slack.forms import SlackSettings, SlackSettingsForm

ENTERED = {
    "public": "chosen",
    "channels": '["C0RIVERS1", "C0LAKES01"]',
    "since": "2026-01-31",
    "archived": "on",
    "rereads_days": "30",
}


def stored(**entered: Any) -> dict[str, Any]:
    form = SlackSettingsForm({**ENTERED, **entered})
    assert form.is_valid(), form.errors
    return json.loads(json.dumps(form.to_settings()))  # type: ignore[no-any-return]


def test_settings_survive_being_stored_and_shown_again() -> None:
    told = stored()
    again = SlackSettingsForm(SlackSettingsForm.to_fields(told))
    assert again.is_valid(), again.errors
    assert json.loads(json.dumps(again.to_settings())) == told
    found = SlackSettings.from_json(told)
    assert found.channels == {"C0RIVERS1", "C0LAKES01"}
    assert found.oldest == "1769817600.000000"
    assert found.rereads_days == 30
    assert not found.joins
    assert found.archived
    assert SlackSettingsForm.picked_field in SlackSettingsForm.base_fields


def test_ids_may_be_typed() -> None:
    assert stored(channels=" C0B1, C0A1\nC0A1 ")["channels"] == ["C0A1", "C0B1"]


@pytest.mark.parametrize(
    ("field", "entered"),
    [
        ("channels", "general"),
        ("channels", "[1]"),
        ("channels", "[oops"),
        ("channels", "C0A1:2026-11-22"),
        ("channels", ""),
        ("since", "yesterday"),
        ("rereads_days", "0"),
        ("public", "most"),
    ],
)
def test_what_cannot_work_is_refused(field: str, entered: str) -> None:
    form = SlackSettingsForm({**ENTERED, field: entered})
    assert not form.is_valid()
    assert field in form.errors


def test_stored_settings_that_are_broken_are_refused() -> None:
    assert SlackSettings.from_json({}) == SlackSettings()
    for broken in ({"public": "most"}, {"since": "x"}, {"rereads_days": "x"}, {"channels": 7}):
        with pytest.raises(SettingsRejected):
            SlackSettings.from_json(broken)


def test_the_manifest_holds_the_addresses_scopes_and_events() -> None:
    back = "https://k.example/back"
    told = setup.app_manifest(redirect_uri=back, events_uri="https://k.example/ev", name='K "1": x')
    read = yaml.safe_load(told)
    assert read["display_information"]["name"] == 'K "1": x'
    assert read["oauth_config"]["redirect_urls"] == [back]
    assert set(read["oauth_config"]["scopes"]["bot"]) == set(Slack.sign_in.read_scopes)
    events = read["settings"]["event_subscriptions"]
    assert events["request_url"] == "https://k.example/ev"
    assert {"member_left_channel", "message.groups", "tokens_revoked"} <= set(events["bot_events"])
    direct = yaml.safe_load(setup.app_manifest(redirect_uri=back, direct=True))
    assert set(setup.DIRECT_SCOPES) <= set(direct["oauth_config"]["scopes"]["bot"])
    assert "event_subscriptions" not in direct["settings"]
