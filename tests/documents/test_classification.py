"""The class of documents: by rules in their order, by hand, when stored and when rules change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.acls import policy
from apps.acls.classes import Classification
from apps.audit.models import Event
from apps.connections.models import Connection
from apps.connections.protocol import RemoteItem
from apps.documents import class_globs, classification, reclassify, store
from apps.documents.models import ClassificationRule, Document, Reclassification
from apps.tenants.context import tenant_context
from tests.undone import undone
from tests.world import World

_POLICY = (("./",),)
RESTRICTED, CONFIDENTIAL = Classification.RESTRICTED, Classification.CONFIDENTIAL


@pytest.fixture
def source(world: World) -> Iterator[Connection]:
    with tenant_context(world.acme):
        yield make_source(world)


def make_source(world: World, name: str = "Files") -> Connection:
    return Connection.objects.create(tenant=world.acme, kind="memory", name=name, realm=name)


def write(source: Connection, *paths: str, labels: tuple[str, ...] = (), later_s: int = 0) -> None:
    items = [RemoteItem(path, path, path, "1", _POLICY, labels=labels) for path in paths]
    at = timezone.now() + timedelta(seconds=later_s)
    store.write(source, items, {_POLICY: policy.nobody()}, observed_at=at, run_id=1)


def rule(source: Connection, to: str, glob: str = "", **fields: Any) -> ClassificationRule:
    with reclassify.changing_rules():
        made: ClassificationRule = ClassificationRule.objects.create(
            tenant_id=source.tenant_id,
            position=fields.pop("position", 1000),
            path_glob=glob,
            path_pattern=class_globs.as_pattern(glob),
            classification=to,
            **fields,
        )
    return made


def classes() -> dict[str, str]:
    found = Document.objects.order_by("path").values_list("path", "classification")
    return dict(found)


def test_without_rules_everything_is_internal(source: Connection) -> None:
    write(source, "a.md")
    document = Document.objects.get()
    assert (document.classification, document.classified_by) == ("internal", "default")


def test_first_matching_rule_decides_new_and_old_documents_alike(source: Connection) -> None:
    write(source, "hr/pay/a.md", "hr/b.md", "c.md")
    first = rule(source, "restricted", "HR/Pay/**")
    rule(source, "confidential", "hr/")
    write(source, "hr/pay/new.md", "hr/new.md", "new.md")
    assert classes() == {
        "c.md": "internal",
        "hr/b.md": "confidential",
        "hr/new.md": "confidential",
        "hr/pay/a.md": "restricted",
        "hr/pay/new.md": "restricted",
        "new.md": "internal",
    }
    assert Document.objects.filter(class_rule_id=first.pk, classified_by="rule").count() == 2


def test_order_source_and_label_count(world: World, source: Connection) -> None:
    other = make_source(world, "Other")
    rule(source, "public", label="Leaflet")
    rule(source, "restricted", connection=other)
    write(source, "a.md", labels=("leaflet", "x"))
    write(source, "b.md", labels=("leaflets",))
    write(other, "c.md", labels=("LEAFLET",))
    write(other, "d.md")
    assert classes() == {
        "a.md": "public",
        "b.md": "internal",
        "c.md": "public",
        "d.md": "restricted",
    }


def test_labels_follow_a_source_that_changes_them(source: Connection) -> None:
    rule(source, "restricted", label="geheim")
    write(source, "a.md", labels=("Geheim", "geheim", " "))
    assert classes() == {"a.md": "restricted"}
    assert Document.objects.get().labels == ["Geheim", "geheim"]
    write(source, "a.md", later_s=1)
    assert classes() == {"a.md": "internal"}


def test_capitals_and_composition_make_no_difference(source: Connection) -> None:
    rule(source, "restricted", "ÖFFENTLICH/résumés/*")
    write(source, "Öffentlich/Re\u0301sume\u0301s/a.md", "offentlich/resumes/b.md")
    assert sorted(classes().values()) == ["internal", "restricted"]


def test_removed_and_moved_rules_take_effect_on_stored_documents(source: Connection) -> None:
    write(source, "hr/a.md")
    loose = rule(source, "public", "hr/**")
    strict = rule(source, "restricted", "**")
    assert classes() == {"hr/a.md": "public"}
    with reclassify.changing_rules():
        ClassificationRule.objects.filter(pk=strict.pk).update(position=0)
    assert classes() == {"hr/a.md": "restricted"}
    assert list(ClassificationRule.objects.order_by("position").values_list("pk", "position")) == [
        (strict.pk, 1),
        (loose.pk, 2),
    ]
    with reclassify.changing_rules():
        ClassificationRule.objects.all().delete()
    document = Document.objects.get()
    assert (document.classification, document.classified_by) == ("internal", "default")
    assert document.class_rule_id is None


def test_class_by_hand_wins_and_stays_until_taken_back(world: World, source: Connection) -> None:
    write(source, "hr/a.md", "hr/b.md")
    chosen = Document.objects.filter(path="hr/a.md")
    assert classification.set_by_hand(chosen, RESTRICTED, actor_id=world.ida.pk) == 1
    assert classification.set_by_hand(chosen, RESTRICTED, actor_id=world.ida.pk) == 0
    rule(source, "public", "hr/**")
    write(source, "hr/a.md", later_s=1)
    store.delete(source, external_ids=["hr/a.md"], observed_at=timezone.now() + timedelta(hours=1))
    write(source, "hr/a.md", later_s=7200)
    assert classes() == {"hr/a.md": "restricted", "hr/b.md": "public"}
    every = Document.objects.all()
    assert classification.take_back(every, actor_id=world.ida.pk) == 1
    assert classes() == {"hr/a.md": "public", "hr/b.md": "public"}
    told = list(Event.objects.order_by("pk").values_list("action", "details"))
    assert told == [
        ("document.classified", {"classification": "restricted", "before": "internal"}),
        ("document.class_taken_back", {"classification": "public", "before": "restricted"}),
    ]


def test_reach_counts_what_a_rule_would_decide(source: Connection) -> None:
    write(source, "hr/a.md", "hr/b.md", "hr/pay/c.md", "d.md")
    first = rule(source, "restricted", "hr/pay/**")
    classification.set_by_hand(Document.objects.filter(path="hr/b.md"), CONFIDENTIAL, actor_id=None)
    planned = ClassificationRule(
        position=2, path_pattern=class_globs.as_pattern("hr/**"), classification="confidential"
    )
    assert classification.reach(planned) == classification.Reach(1, 1, 0)
    first.classification = "public"
    assert classification.reach(first) == classification.Reach(1, 0, 1)


def test_many_documents_follow_in_batches_and_the_stricter_ones_first(
    source: Connection,
) -> None:
    rule(source, "restricted", "old/**")
    write(source, *(f"old/{n}.md" for n in range(5)), *(f"new/{n}.md" for n in range(5)))
    with reclassify.changing_rules(all_at_once=5):
        ClassificationRule.objects.all().delete()
        ClassificationRule.objects.create(
            tenant_id=source.tenant_id,
            position=1,
            path_pattern=class_globs.as_pattern("new/**"),
            classification="restricted",
        )
    assert reclassify.unfinished() is not None
    seen = []
    while True:
        seen.append(sorted(classes().values()))
        is_left = reclassify.step(batch=4)
        work = Reclassification.objects.get()
        assert 0 <= reclassify.progress(work) <= 100
        if not is_left:
            break
    assert all(names.count("restricted") >= 5 for names in seen)
    assert {path.partition("/")[0]: name for path, name in classes().items()} == {
        "new": "restricted",
        "old": "internal",
    }
    assert len(seen) >= 6
    assert reclassify.unfinished() is None and not reclassify.step()


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("", ["a", "a/b"], []),
        ("*.md", ["a.md"], ["b/a.md", "a.mdx"]),
        ("**/*.md", ["a.md", "b/c/a.md"], ["a.txt"]),
        ("hr/", ["hr/a", "hr/b/c"], ["hr", "xhr/a"]),
        ("hr/**/pay?.pdf", ["hr/pay1.pdf", "hr/x/y/pay2.pdf"], ["hr/pay.pdf", "hr/pay/.pdf"]),
        ("a+(b)[c]^$|\\{d}", ["a+(b)[c]^$|\\{d}"], ["aab"]),
    ],
)
def test_globs(source: Connection, glob: str, matching: list[str], other: list[str]) -> None:
    rule(source, "restricted", glob)
    write(source, *matching, *other)
    found = classes()
    assert {p for p in found if found[p] == "restricted"} == set(matching)


def naive(glob: str, path: str) -> bool:
    """Match by trying every way, as somebody who reads the help would."""
    if not glob:
        return not path
    if glob.startswith("**/"):
        rests = [path] + [path[n + 1 :] for n, c in enumerate(path) if c == "/"]
        return any(naive(glob[3:], rest) for rest in rests)
    if glob.startswith("**"):
        return any(naive(glob[2:], path[n:]) for n in range(len(path) + 1))
    if glob.startswith("*"):
        longest = (path + "/").index("/")
        return any(naive(glob[1:], path[n:]) for n in range(longest + 1))
    if not path or (glob[0] == "?" and path[0] == "/"):
        return False
    return glob[0] in ("?", path[0]) and naive(glob[1:], path[1:])


_paths = st.text("ab/.", min_size=1, max_size=8)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(glob=st.text("ab/.*?", min_size=1, max_size=8).filter(lambda g: g[-1] != "/"), path=_paths)
def test_pattern_of_a_glob_matches_as_it_reads(glob: str, path: str) -> None:
    # `***` reads as `**` and `*`, here as there.
    pattern = class_globs.as_pattern(glob)
    assert (re.search(pattern, path) is not None) == naive(glob, path)


def _give(source: Connection, items: dict[str, set[str]]) -> None:
    for path, labels in items.items():
        write(source, path, labels=tuple(sorted(labels)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rules=st.lists(
        st.tuples(
            st.sampled_from(Classification.values),
            st.sampled_from(["", "a/**", "**/x", "b/*", "a/b/**"]),
            st.sampled_from(["", "red", "blue"]),
        ),
        max_size=4,
    ),
    items=st.dictionaries(
        st.sampled_from(["x", "a/x", "a/b/x", "b/y", "b/c/x"]),
        st.sets(st.sampled_from(["red", "Blue", "green"])),
        min_size=1,
    ),
    are_first=st.booleans(),
)
def test_class_equals_that_of_the_first_matching_rule(
    world: World, rules: list[Any], items: dict[str, set[str]], are_first: bool
) -> None:
    """Whether the documents or the rules were there first."""
    with tenant_context(world.acme), undone():
        source = make_source(world, "Random")
        if are_first:
            _give(source, items)
        for to, glob, label in rules:
            rule(source, to, glob, label=label)
        if not are_first:
            _give(source, items)
        expected = {}
        for path, labels in items.items():
            fitting = (
                to
                for to, glob, label in rules
                if (not glob or naive(glob, path))
                and (not label or label in {each.lower() for each in labels})
            )
            expected[path] = next(fitting, "internal")
        assert classes() == expected
