"""The proof in small: random companies, compared with their sources after every step."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from apps.ops.proof import run
from apps.ops.proof.__main__ import exit_code
from apps.ops.proof.sources import DIALECTS

ROOT = Path(__file__).parents[2]


def test_kenward_answers_as_the_sources_themselves(transactional_db: None) -> None:
    tally = run.prove(seed=1, go_on=run.for_steps(40))
    assert tally.disagreements == []
    assert tally.verdicts > 2_000
    assert tally.explained > 400


@pytest.mark.slow
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_kenward_answers_as_each_dialect(transactional_db: None, dialect: str) -> None:
    tally = run.prove(seed=1, go_on=run.for_steps(15), dialects=[dialect])
    assert tally.disagreements == []
    assert tally.verdicts > 300


@pytest.mark.parametrize(
    ("ended", "code"), [([0, 0], 0), ([0, 1], 1), ([2, 0], 1), ([0, -9], 1), ([-9], 1)]
)
def test_a_proof_of_which_a_part_was_killed_has_proved_nothing(ended: list[int], code: int) -> None:
    assert exit_code(ended) == code


@pytest.mark.slow
def test_the_command_says_in_its_last_line_what_it_found() -> None:
    """Over a thousand steps, in a database of its own; about three minutes."""
    ended = subprocess.run(
        [sys.executable, "manage.py", "prove_permissions", "--steps", "1200", "--seed", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    told = json.loads(ended.stdout.splitlines()[-1])
    assert ended.returncode == 0, ended.stdout
    assert told["steps"] >= 1200
    assert told["disagreements"] == 0
    assert len(told["dialects"]) > 8, "the steps reached too few dialects to say much"
