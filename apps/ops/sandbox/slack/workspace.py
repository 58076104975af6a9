"""A Slack workspace in memory, with a verb for every change that people make in one."""

from __future__ import annotations

from apps.ops.sandbox.slack.channels import ChannelVerbs
from apps.ops.sandbox.slack.events import EventOutbox
from apps.ops.sandbox.slack.files import FileVerbs
from apps.ops.sandbox.slack.grants import GrantVerbs
from apps.ops.sandbox.slack.oracle import Truth
from apps.ops.sandbox.slack.people import PeopleVerbs
from apps.ops.sandbox.slack.records import AppSettings
from apps.ops.sandbox.slack.state import locked


class SlackWorkspace(PeopleVerbs, ChannelVerbs, FileVerbs, GrantVerbs, Truth):
    """One workspace: people, conversations, messages, files, the app's tokens and its events.

    Args:
        name: the workspace's name.
        domain: the first label of its address at Slack.
        seed: the same seed gives the same ids in the same order.
        app: the app that it knows; one with the default values when left out.
    """

    def __init__(
        self,
        name: str = "Sandbox",
        domain: str = "sandbox",
        *,
        seed: int = 1,
        app: AppSettings | None = None,
    ) -> None:
        super().__init__(name, domain, seed=seed, app=app)
        self.events = EventOutbox(self)
        self.outbox = self.events

    @locked
    def expire_cursors(self) -> None:
        """Let every cursor that was handed out be refused with `invalid_cursor`."""
        self.cursor_generation += 1

    @locked
    def repeat_items(self, times: int = 1) -> None:
        """Let the next continued pages begin with the last item of the page before."""
        self.pages_to_repeat += times

    def close(self) -> None:
        """Stop delivering events."""
        self.events.close()
