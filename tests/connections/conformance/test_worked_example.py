"""The page on writing connectors shows a whole connector, which passes the suite as `Notes`."""

from __future__ import annotations

import re
from pathlib import Path

from apps.connections import protocol
from apps.connections.providers import RemoteProvider
from tests.connections.conformance import worked_example
from tests.connections.conformance.notes import Notes
from tests.connections.conformance.source import Source, Verb
from tests.connections.conformance.sources import ALL

PAGE = Path(__file__).resolve().parents[3] / "docs" / "writing-a-connector.md"
_BLOCK = re.compile(r"<!-- the example -->\n+```python\n(.*?)```", re.DOTALL)


def test_the_page_shows_the_connector_that_the_suite_runs() -> None:
    (block,) = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert block == Path(worked_example.__file__).read_text(encoding="utf-8")


def test_the_suite_runs_the_example() -> None:
    assert Notes in ALL
    assert Notes.registered is not None
    _, path = Notes.registered
    assert path == f"{worked_example.__name__}.NotesFeed"
    provider: type[RemoteProvider] = worked_example.NotesFeed
    assert issubclass(provider, protocol.FollowsChanges)


def test_the_page_names_all_parts_of_a_connector() -> None:
    page = PAGE.read_text(encoding="utf-8")
    parts = ("FollowsChanges", "Watches", "ReceivesPush", "Subscribes", "OffersChoices")
    more = ("ChecksAccess", "Recalls", "KnowsItsAccount")
    for part in (*parts, *more):
        assert hasattr(protocol, part)
        assert f"`{part}`" in page, f"the page leaves out {part}"
    for verb in Verb:
        assert f"`{verb.name}`" in page, f"the page leaves out {verb.name}"


def test_what_a_source_lacks_has_a_reason() -> None:
    for source in ALL:
        assert all(reason.endswith(".") for reason in source.lacks.values())
        for verb in set(Verb) - source.lacks.keys():
            methods = METHODS.get(verb, ())
            assert all(getattr(source, name) is not getattr(Source, name) for name in methods), (
                f"{source.name} has no {verb}, and does not say so"
            )


METHODS: dict[Verb, tuple[str, ...]] = {
    Verb.RENAME: ("rename",),
    Verb.MOVE: ("move",),
    Verb.SHARE: ("share", "unshare"),
    Verb.LET_IN: ("let_in", "keep_out"),
    Verb.GROUP: ("join", "leave"),
    Verb.DROP_PLACE: ("drop_place",),
    Verb.EXPIRE_CURSORS: ("expire_cursors",),
    Verb.LOGS: ("expire_logs",),
    Verb.REPEAT: ("repeat",),
    Verb.EXPIRE_TOKENS: ("expire_tokens",),
    Verb.PUSH: ("subscribe",),
}
