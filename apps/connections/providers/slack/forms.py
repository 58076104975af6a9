"""The settings of a connected workspace, as an IT admin enters them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from typing_extensions import override

from apps.connections.errors import SettingsRejected
from apps.connections.providers.slack import names
from apps.connections.providers.slack.records import Channel, ChannelKind
from apps.connections.settings_form import SettingsForm


class PublicChannels(StrEnum):
    """Which public channels are synced."""

    ALL = "all"
    CHOSEN = "chosen"


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """What of a workspace is synced.

    Attributes:
        public: which public channels.
        channels: chosen channels; private ones are synced only if they are among these.
        joins: whether the app joins public channels by itself, which people see there.
        since: nothing older is synced; None for everything.
        rereads_days: threads whose last reply is older than this are compared by what the
            channel's history tells of them; None: every thread is read each time.
    """

    public: PublicChannels = PublicChannels.ALL
    channels: frozenset[str] = frozenset()
    joins: bool = False
    group_messages: bool = False
    direct_messages: bool = False
    archived: bool = True
    since: date | None = None
    is_whole_company: bool = False
    rereads_days: int | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SlackSettings:
        """Read what `Connection.settings` holds; what is missing stays as it is by default.

        Raises:
            SettingsRejected: it cannot be read.
        """
        try:
            since = stored.get("since")
            days = stored.get("rereads_days")
            return cls(
                public=PublicChannels(stored.get("public", PublicChannels.ALL)),
                channels=frozenset(map(str, stored.get("channels") or ())),
                joins=stored.get("joins") is True,
                group_messages=stored.get("group_messages") is True,
                direct_messages=stored.get("direct_messages") is True,
                archived=stored.get("archived", True) is not False,
                since=date.fromisoformat(since) if since else None,
                is_whole_company=stored.get("is_whole_company") is True,
                rereads_days=int(days) if days else None,
            )
        except (TypeError, ValueError) as error:
            raise SettingsRejected("The settings of this workspace cannot be read.") from error

    @property
    def types(self) -> str:
        """The kinds of conversation to list, as Slack takes them."""
        wanted = [ChannelKind.PUBLIC]
        if self.channels:
            wanted.append(ChannelKind.PRIVATE)
        if self.group_messages:
            wanted.append(ChannelKind.GROUP_MESSAGE)
        if self.direct_messages:
            wanted.append(ChannelKind.DIRECT_MESSAGE)
        return ",".join(wanted)

    @property
    def oldest(self) -> str:
        """The timestamp from which on messages are synced."""
        return names.start_of(self.since.isoformat()) if self.since else names.EPOCH

    def wants(self, channel: Channel) -> bool:
        """Return whether a conversation is synced."""
        if channel.is_archived and not self.archived:
            return False
        match channel.kind:
            case ChannelKind.PUBLIC:
                return self.public is PublicChannels.ALL or channel.id in self.channels
            case ChannelKind.PRIVATE:
                return channel.id in self.channels and channel.is_member
            case ChannelKind.GROUP_MESSAGE:
                return self.group_messages
            case ChannelKind.DIRECT_MESSAGE:
                return self.direct_messages

    def is_worth_reading(self, latest_reply: str, now: datetime) -> bool:
        """Return whether a thread is read in a comparison, by when it was last answered."""
        if self.rereads_days is None or not latest_reply:
            return True
        return now - names.moment(latest_reply) < timedelta(days=self.rereads_days)


class SlackSettingsForm(SettingsForm):
    """Which channels, and since when."""

    picked_field: ClassVar[str] = "channels"

    public = forms.ChoiceField(
        label="Public channels",
        choices=[
            (PublicChannels.ALL.value, "All public channels"),
            (PublicChannels.CHOSEN.value, "Only the chosen ones"),
        ],
        initial=PublicChannels.ALL.value,
    )
    channels = forms.CharField(
        label="Chosen channels",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Private channels are synced only if they are chosen here, and only those that"
        " the app was invited to.",
    )
    joins = forms.BooleanField(
        label="Join public channels",
        required=False,
        initial=True,
        help_text="The app reads only what it is in. With this it joins the public channels by"
        " itself, and people see it join. Without, invite it: /invite @Kenward.",
    )
    archived = forms.BooleanField(
        label="Archived channels, too",
        required=False,
        initial=True,
    )
    since = forms.DateField(
        label="Nothing older than",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="By the day on which a message, or the first one of its thread, was written.",
    )
    group_messages = forms.BooleanField(
        label="Group messages",
        required=False,
        help_text="Only those that the connected account is in. The app needs the scopes mpim:read"
        " and mpim:history.",
    )
    direct_messages = forms.BooleanField(
        label="Direct messages",
        required=False,
        help_text="Only those with the connected account. The app needs the scopes im:read and"
        " im:history.",
    )
    is_whole_company = forms.BooleanField(
        label="Everybody here is in this workspace",
        required=False,
        help_text="Public channels are then for all members of this organisation, with or without"
        " an account in the workspace (guests excepted).",
    )
    rereads_days = forms.IntegerField(
        label="Leave threads alone after (days)",
        required=False,
        min_value=1,
        max_value=3650,
        help_text="For large workspaces: when everything is compared, threads that nobody has"
        " answered for so long are not read again. Edits in them are then known only from Slack's"
        " events. Empty: all are read.",
    )

    @classmethod
    @override
    def to_fields(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Write the chosen channels as the picker does."""
        fields = super().to_fields(settings)
        if isinstance(fields.get("channels"), list | tuple):
            fields["channels"] = json.dumps(list(fields["channels"]))
        return fields

    def clean_channels(self) -> list[str]:
        """Read the picker's list, or ids with blanks or commas between, and refuse what is none."""
        told = self.cleaned_data["channels"].strip()
        try:
            chosen = json.loads(told) if told.startswith("[") else told.replace(",", " ").split()
        except ValueError as error:
            raise ValidationError("The list of chosen channels cannot be read.") from error
        for each in chosen:
            name = names.parse(each) if isinstance(each, str) else None
            if name is None or each != name.channel:
                raise ValidationError(f"“{each}” is not the id of a channel.")
        return sorted(set(chosen))

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse a workspace of which nothing is chosen, which can only be a slip."""
        cleaned = super().clean() or self.cleaned_data
        is_nothing = cleaned.get("public") == PublicChannels.CHOSEN and not (
            cleaned.get("channels") or cleaned.get("group_messages") or cleaned["direct_messages"]
        )
        if is_nothing and "channels" not in self.errors:
            self.add_error("channels", "Choose at least one channel.")
        return cleaned

    @override
    def to_settings(self) -> dict[str, Any]:
        """Write the date as JSON does."""
        since = self.cleaned_data["since"]
        return {**self.cleaned_data, "since": since.isoformat() if since else None}
