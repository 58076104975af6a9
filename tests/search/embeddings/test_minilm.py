from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from apps.search.embeddings import minilm, minilm_graph
from apps.search.embeddings.minilm import MiniLM

REFERENCE = json.loads(Path("tests/data/minilm_reference.json").read_text(encoding="utf-8"))
TEXTS = [row["text"] for row in REFERENCE]
EXPECTED = np.array([row["vector"] for row in REFERENCE])
TYPED = "[CLS] [SEP] [MASK] [PAD] literal special tokens"
LONG = "Holidays are granted by the head of the department. " * 60
CLOSE = 0.99999


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def model(cache_folder: Path) -> MiniLM:
    return MiniLM(cache_folder, threads=1)


def cosines(found: NDArray[np.float32], expected: NDArray[Any]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return np.asarray((found * expected).sum(axis=1) / lengths, dtype=np.float64)


def test_texts_give_the_reference_vectors_together(model: MiniLM) -> None:
    assert len(EXPECTED) == 42
    assert cosines(model.embed(TEXTS), EXPECTED).min() >= CLOSE


def test_texts_give_the_reference_vectors_one_by_one(model: MiniLM) -> None:
    found = np.vstack([model.embed([text]) for text in TEXTS])
    assert cosines(found, EXPECTED).min() >= CLOSE


def test_a_typed_marker_counts_as_the_models_own(model: MiniLM) -> None:
    start, _ = model.tokens.ids([""])[0]
    (ids,) = model.tokens.ids([TYPED])
    assert ids[:2] == [start, start]


@pytest.mark.parametrize("marker", ["[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]"])
def test_a_typed_marker_has_offsets_like_other_text(model: MiniLM, marker: str) -> None:
    offsets = model.tokens.offsets(f"a {marker} b")
    assert offsets == [(0, 1), (2, len(marker) + 2), (len(marker) + 3, len(marker) + 4)]


def test_a_long_text_is_read_up_to_256_tokens(model: MiniLM) -> None:
    (ids,) = model.tokens.ids([LONG])
    assert len(ids) == minilm.MAX_TOKENS
    cut = model.tokens.offsets(LONG)[minilm.MAX_TOKENS - 3][1]
    longer, exact, shorter = model.embed([LONG, LONG[:cut], LONG[: cut // 2]])
    assert np.abs(longer - exact).max() < 1e-6
    assert np.abs(longer - shorter).max() > 1e-3


def test_offsets_and_count_cover_a_long_text_to_its_end(model: MiniLM) -> None:
    offsets = model.tokens.offsets(LONG)
    assert len(offsets) == model.tokens.count(LONG) == 600
    assert LONG[slice(*offsets[-1])] == "."
    assert offsets[-1][1] == len(LONG.rstrip())


@given(st.text(max_size=80))
@settings(deadline=None)
def test_offsets_are_ordered_spans_inside_the_text(model: MiniLM, text: str) -> None:
    offsets = model.tokens.offsets(text)
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    assert offsets == sorted(offsets)
    assert len(offsets) == model.tokens.count(text)


def test_offsets_count_characters_not_bytes(model: MiniLM) -> None:
    text = "Überprüfung 契約 🙂 \ud800 end"
    assert [text[s:e] for s, e in model.tokens.offsets(text)][-1] == "end"
    assert "契" in [text[s:e] for s, e in model.tokens.offsets(text)]


@given(st.permutations(range(len(TEXTS))))
@settings(max_examples=5, deadline=None)
def test_vectors_come_in_the_order_of_the_texts(model: MiniLM, order: list[int]) -> None:
    found = model.embed([TEXTS[place] for place in order])
    assert np.abs(found - model.embed(TEXTS)[order]).max() < 1e-6


def test_a_vector_does_not_depend_on_its_neighbours(model: MiniLM) -> None:
    alone = np.vstack([model.embed([text]) for text in TEXTS])
    assert np.abs(model.embed(TEXTS) - alone).max() < 1e-6


def test_vectors_have_unit_length_and_no_texts_give_no_rows(model: MiniLM) -> None:
    assert np.abs(np.linalg.norm(model.embed(TEXTS), axis=1) - 1).max() < 1e-5
    assert model.embed([]).shape == (0, minilm.DIMENSION)
    assert model.embed([]).dtype == np.float32


def test_batches_are_small_and_hold_every_text_once() -> None:
    lengths = [3, 256, 40, 41, 256, 3] * 10
    batches = list(minilm._batches(lengths))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    assert max(map(len, batches)) == 16
    assert all(len(b) == 1 or len(b) * max(lengths[p] for p in b) <= 512 for b in batches)


def test_the_second_start_reads_the_kept_graph(model: MiniLM, cache_folder: Path) -> None:
    (kept,) = cache_folder.glob("*.onnx")
    before = kept.stat()
    MiniLM(cache_folder, threads=1)
    (again,) = cache_folder.glob("*.onnx")
    assert (again.stat().st_mtime_ns, again.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def _cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _flip_one_bit(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def _empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("damage", [_cut_off, _flip_one_bit, _empty])
def test_a_damaged_graph_is_written_anew(tmp_path: Path, damage: Any) -> None:
    path = minilm.cached_graph(tmp_path)
    sound = path.read_bytes()
    damage(path)
    assert minilm.cached_graph(tmp_path) == path
    assert path.read_bytes() == sound


def test_what_a_killed_build_left_is_replaced(tmp_path: Path) -> None:
    name = minilm.cached_graph(tmp_path).name
    (tmp_path / name).unlink()
    (tmp_path / f"{name.rsplit('.', 2)[0]}.partial").write_bytes(b"half a graph")
    assert minilm.cached_graph(tmp_path).name == name
    assert not list(tmp_path.glob("*.partial"))


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    weights, digest = minilm.wheel_weights()
    copy = tmp_path / weights.name
    copy.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ValueError, match="damaged"):
        minilm_graph.build(copy, digest)


PRINT_A_VECTOR = """
import sys
from pathlib import Path
from apps.search.embeddings.minilm import MiniLM
print(MiniLM(Path(sys.argv[1]), threads=1).embed(["Reset my VPN password"]).tobytes().hex())
"""


def test_processes_that_start_together_build_one_graph(tmp_path: Path, model: MiniLM) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", PRINT_A_VECTOR, tmp_path], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    found = {process.communicate(timeout=60)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert found == {model.embed(["Reset my VPN password"]).tobytes().hex().encode()}
    assert len(list(tmp_path.glob("*.onnx"))) == 1


@pytest.fixture
def bare_environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """As on a server: a home of its own, and nothing set that keeps telemetry quiet by chance."""
    home = tmp_path / "home"
    home.mkdir()
    yield {"PATH": os.environ["PATH"], "HOME": str(home)}


def test_the_runtime_sends_nothing_home(
    tmp_path: Path, cache_folder: Path, model: MiniLM, bare_environment: dict[str, str]
) -> None:
    command = [sys.executable, "-c", PRINT_A_VECTOR, str(cache_folder)]
    subprocess.run(command, env=bare_environment, check=True, timeout=60, stdout=subprocess.DEVNULL)
    # With telemetry on, the runtime leaves a device id and a queue of events there.
    assert list((tmp_path / "home").rglob("*")) == []
