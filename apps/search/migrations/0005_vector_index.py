"""An index for approximate search over the vectors of the built-in model."""

from __future__ import annotations

from django.db import migrations

# As `vector_index.create` makes it for other dimensions. Partial, since the column's vectors have
# no fixed dimension; each partition gets a graph of its own.
_HNSW = """
CREATE INDEX IF NOT EXISTS search_chunkvector_hnsw_384 ON search_chunkvector
USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) WITH (m = 16, ef_construction = 128)
WHERE vector_dims(embedding) = 384
"""


class Migration(migrations.Migration):
    dependencies = [("search", "0004_terms")]

    operations = [migrations.RunSQL(_HNSW, "DROP INDEX IF EXISTS search_chunkvector_hnsw_384")]
