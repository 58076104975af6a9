"""A question as the lexical search sees it: its words, in the languages of the documents. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from apps.search.words import stop_words, terms

_MOST_WORDS = 40
# Quotation marks around a whole question only say that it is one.
_QUOTED_QUESTION = re.compile(r'\s*["“„]([^"“”„]*\?)["“”]\s*')
_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”|„([^“]+)“')
# Joined words count by their parts, too; as a whole they say less than another word would.
_WHOLE = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question asks for.

    Attributes:
        words: the distinct words that are no stop words, joined words and quoted phrases as one.
            Of each, the sets of terms by any of which a passage has the word: a set for each
            language, for a joined word as it is and by its parts.
        weights: by term, what it counts beside how rare it is.
        required: terms without which no passage has all the phrases.
        phrases: what must stand in a passage literally, as the text of a tsquery; empty: nothing.
        any_word: all of it, joined by OR, as the text of a tsquery.
        languages: those in which the question was understood.
    """

    words: tuple[tuple[frozenset[str], ...], ...]
    weights: Mapping[str, float]
    required: frozenset[str]
    phrases: str
    any_word: str
    languages: tuple[str, ...]

    @property
    def must_match(self) -> str:
        """What a passage needs at least, as the text of a tsquery: the phrases, or any word."""
        return self.phrases or self.any_word

    def share(self, found: Iterable[str]) -> float:
        """Return which share of the words a passage has, 0 to 1, by the terms found in it."""
        present = frozenset(found)
        has = sum(any(each <= present for each in word) for word in self.words)
        return has / len(self.words)


def understand(query: str, languages: Sequence[str]) -> Wanted | None:
    """Return what a question asks for; None if it has no word but stop words.

    Words are joined by OR, since a question asks in other words than its answer uses; only what
    stands in quotation marks has to be there as it is.

    Args:
        query: in natural language.
        languages: those of the documents, the most common one first.
    """
    if is_one := _QUOTED_QUESTION.fullmatch(query):
        query = is_one[1]
    quoted = [next(filter(None, match)) for match in _QUOTED.findall(query)]
    rest = list(terms.words(_QUOTED.sub(" ", query)))
    left_out = _stop_words([word.text for word in rest], languages)
    phrases = list(filter(None, (_Phrase.of(phrase, languages) for phrase in quoted)))
    words = list(_alternatives(rest, left_out, languages))
    kept = dict.fromkeys((*(phrase.alternatives for phrase in phrases), *(w for w, _ in words)))
    if not kept:
        return None
    weights: dict[str, float] = {}
    for some in (*(phrase.weights for phrase in phrases), *(w for _, w in words)):
        for term, weight in some.items():
            weights[term] = max(weight, weights.get(term, 0.0))
    singles = dict.fromkeys(term for _, some in words for term in some)
    return Wanted(
        words=tuple(kept),
        weights=weights,
        required=frozenset().union(*(phrase.required for phrase in phrases)),
        phrases=" & ".join(phrase.tsquery for phrase in phrases),
        any_word=" | ".join(
            (*(phrase.tsquery for phrase in phrases), *(terms.quoted(term) for term in singles))
        ),
        languages=tuple(languages),
    )


Alternatives = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class _Phrase:
    """What stood between quotation marks."""

    alternatives: Alternatives
    weights: dict[str, float]
    required: frozenset[str]
    tsquery: str

    @classmethod
    def of(cls, text: str, languages: Sequence[str]) -> _Phrase | None:
        """Return the phrase; None if nothing but stop words stood there."""
        parts = [word for word in terms.words(text) if not word.is_whole][:_MOST_WORDS]
        weights: dict[str, float] = {}
        by_language: dict[str, frozenset[str]] = {}
        for language in languages:
            steps = [(w.first, terms.forms(w.text, language)) for w in parts]
            steps = [(place, forms) for place, forms in steps if forms]
            if steps:
                by_language[_in_a_row(steps)] = frozenset(forms[0] for _, forms in steps)
                weights |= {form: 1 / len(forms) for _, forms in steps for form in forms}
        if not by_language:
            return None
        queries = list(by_language)
        sets = tuple(dict.fromkeys(by_language.values()))
        is_certain = all(" | " not in query for query in queries)
        return cls(
            alternatives=sets,
            weights=weights,
            required=frozenset.intersection(*sets) if is_certain else frozenset(),
            tsquery=queries[0] if len(queries) == 1 else f"({' | '.join(queries)})",
        )


def _in_a_row(steps: Sequence[tuple[int, Sequence[str]]]) -> str:
    text, before = "", 0
    for place, forms in steps:
        one = " | ".join(terms.quoted(form) for form in forms)
        one = one if len(forms) == 1 else f"({one})"
        distance = "<->" if place - before == 1 else f"<{place - before}>"
        text = f"{text} {distance} {one}" if text else one
        before = place
    return f"({text})"


def _stop_words(words: Sequence[str], languages: Sequence[str]) -> frozenset[str]:
    """Return the stop words of the language that the question seems to be in.

    By its own stop words; "die" is one in a German question, and none in an English one.
    """
    counts = {name: sum(word in stop_words.of(name) for word in words) for name in languages}
    most = max(counts.values(), default=0)
    likely = [name for name, count in counts.items() if count == most > 0]
    return frozenset().union(*(stop_words.of(name) for name in likely))


def _alternatives(
    words: Sequence[terms.Word], left_out: frozenset[str], languages: Sequence[str]
) -> Iterator[tuple[Alternatives, dict[str, float]]]:
    """Yield for each word by which terms it is found, and what these count."""
    places = {
        place for word in words if word.is_whole for place in range(word.first, word.last + 1)
    }
    parts = {word.first: word for word in words if not word.is_whole}
    for word in [word for word in words if word.text not in left_out][:_MOST_WORDS]:
        weights = _weights(word, languages)
        if not weights or (word.first in places and not word.is_whole):
            continue
        found = [frozenset({term}) for term in weights]
        if word.is_whole:
            weights = {term: weight * _WHOLE for term, weight in weights.items()}
            inner = [parts[place] for place in range(word.first, word.last + 1)]
            for language in languages:
                forms = [terms.forms(part.text, language) for part in inner]
                found.append(frozenset(each[0] for each in forms if each))
            for part in inner:
                weights = _weights(part, languages) | weights
        yield tuple(dict.fromkeys(filter(None, found))), weights


def _weights(word: terms.Word, languages: Sequence[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for language in languages:
        forms = terms.forms(word.text, language)
        for form in forms:
            # A passage can have both forms of a word; together they count as one.
            weights[form] = max(1 / len(forms), weights.get(form, 0.0))
    return weights
