"""`index_vectors`: make the approximate index for the deployment's embedding model."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from apps.errors import KenwardError
from apps.search.embeddings import minilm
from apps.search.embeddings.embedding import embedder
from apps.search.vectors import vector_index


class Command(BaseCommand):
    """Makes the index where there is none; every search scans exactly until then."""

    help = (
        "Make the index over vectors of the set embedding model's dimension, as the database's"
        " owner. The built-in model's is made by a migration. No document can be indexed meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the dimension."""
        parser.add_argument("--dimension", type=int, help="instead of asking the model")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask the model how long its vectors are, and make the index."""
        try:
            dimension = options["dimension"] or _dimension()
            vector_index.create(connections["owner"], dimension)
        except (KenwardError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"vectors of {dimension} dimensions are indexed")


def _dimension() -> int:
    return embedder().spec.dimension if settings.EMBEDDING_BASE_URL else minilm.DIMENSION
