"""The process that embeds for indexing: same vectors, out of the way, replaced when it is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from apps.search.embeddings import minilm
from apps.search.embeddings.embedding import EmbeddingUnavailable
from apps.search.embeddings.embedding_process import NICENESS, EmbeddingProcess
from apps.search.embeddings.minilm import MiniLM

TEXTS = ["Reset my VPN password", "Urlaub \ud800 契約", "", "ferret " * 300]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MiniLM:
    return MiniLM(tmp_path_factory.mktemp("models"), threads=1)


@pytest.fixture(scope="module")
def folder(model: MiniLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("process")
    minilm.cached_graph(folder)
    return folder


@pytest.fixture(scope="module")
def process(folder: Path, model: MiniLM) -> Iterator[EmbeddingProcess]:
    process = EmbeddingProcess(folder, revision=model.revision[:12], lanes=2)
    yield process
    process.close()


def process_id(process: EmbeddingProcess) -> int:
    assert process.process_id is not None
    return process.process_id


def test_vectors_are_those_of_the_model_in_this_process(
    process: EmbeddingProcess, model: MiniLM
) -> None:
    found = process.embed(TEXTS)
    assert found.dtype == np.float32
    assert np.abs(found - model.embed(TEXTS)).max() < 1e-6
    assert process.embed([]).shape == (0, 384)


def test_more_threads_than_lanes_take_turns(process: EmbeddingProcess, model: MiniLM) -> None:
    texts = [f"text {number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: process.embed([text])[0], texts))
    assert np.abs(np.array(found) - model.embed(texts)).max() < 1e-6


def test_it_leaves_the_processor_to_others(process: EmbeddingProcess) -> None:
    process.embed(["a"])
    pid = process_id(process)
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.nice(0) + NICENESS)
    assert os.getsid(pid) == pid
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists():
        assert group.read_text().split()[-1] == str(NICENESS)


def test_a_killed_process_is_replaced_without_a_word(process: EmbeddingProcess) -> None:
    before = process.embed(TEXTS)
    pid = process_id(process)
    os.kill(pid, signal.SIGKILL)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(process.embed, [TEXTS] * 4))
    assert all((one == before).all() for one in found)
    assert process.process_id != pid


def test_a_process_that_cannot_start_is_said(tmp_path: Path, model: MiniLM) -> None:
    in_the_way = tmp_path / "models"
    in_the_way.write_text("in the way")
    broken = EmbeddingProcess(in_the_way, revision=model.revision, lanes=2)
    with pytest.raises(EmbeddingUnavailable, match="data folder"):
        broken.embed(["a"])
    assert broken.process_id is None


def test_vectors_of_another_model_are_refused(folder: Path) -> None:
    other = EmbeddingProcess(folder, revision="another", lanes=1)
    with pytest.raises(EmbeddingUnavailable, match="Another embedding model"):
        other.embed(["a"])
    assert other.process_id is None


IN_A_FORK = """
import os, signal, sys
from pathlib import Path
from apps.search.embeddings.embedding_process import NICENESS, EmbeddingProcess
from apps.search.embeddings.minilm import wheel_weights
process = EmbeddingProcess(Path(sys.argv[1]), revision=wheel_weights()[1], lanes=2)
before = process.embed(["a text"])
child = os.fork()
if not child:
    signal.alarm(60)
    process.forget()
    same = (process.embed(["a text"]) == before).all()
    process.close()
    os._exit(0 if same else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert (process.embed(["a text"]) == before).all()
process.close()
"""


def test_a_fork_starts_its_own_and_leaves_the_parents(folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IN_A_FORK, folder], check=True, timeout=120
    )
