"""Vectors to PostgreSQL as they lie in memory: to write 384 numbers as text takes half a ms.

Source: halfvec_recv() in https://github.com/pgvector/pgvector/blob/master/src/halfvec.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format


@dataclass(frozen=True, eq=False, slots=True)
class Halfvec:
    """A statement's parameter of type `halfvec`; the statement has to cast it.

    Args:
        vector: shape (dimension,).
    """

    vector: NDArray[np.float32]


class _BinaryDumper(Dumper):
    format = Format.BINARY  # without an oid, which differs by database: the cast says the type

    def dump(self, obj: Any) -> Buffer:
        binary: bytes = HalfVector(obj.vector).to_binary()
        return binary


class _TextDumper(Dumper):
    """For Django's own cursors, which put parameters into the statement's text."""

    def dump(self, obj: Any) -> Buffer:
        text: str = HalfVector(obj.vector).to_text()
        return text.encode()


def register() -> None:
    """Teach psycopg the type, before the first connection is made."""
    psycopg.adapters.register_dumper(Halfvec, _TextDumper)
    # The last one registered is what a cursor with server-side parameters takes.
    psycopg.adapters.register_dumper(Halfvec, _BinaryDumper)
