"""More like this: the documents whose passages lie nearest to a document's own, by their vectors.

The mean of a document's vectors, which were stored when it was indexed, stands for the document; no
model is asked. Whoever asks has to be able to read it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from apps.accounts.models import User
from apps.acls import class_rules, resolve
from apps.acls.errors import NoMembership
from apps.documents import live
from apps.documents import scope as scopes
from apps.documents.scope import Scope
from apps.search import release
from apps.search.release import Passage
from apps.search.vectors import vector_store

_CANDIDATES = 60
# What lies further away has another subject; by the vectors of all-MiniLM-L6-v2.
_LEAST_COSINE = 0.35

_MEAN = """
SELECT avg(p.embedding::vector)::real[] AS mean, count(*) AS vectors
FROM {source} WHERE {is_readable} AND p.document_id = %(document)s
"""


def like(user: User, document_id: int, limit: int) -> tuple[Passage, ...]:
    """Return the nearest passage of each of the nearest other documents, the nearest first.

    Args:
        user: who asks.
        document_id: of a document, which they may read or learn nothing of.
        limit: documents at most.
    """

    def run(scope: Scope) -> tuple[bool, tuple[Passage, ...]]:
        ok, mean = _mean(scope, document_id)
        return _near(scope, mean, document_id) if ok and mean is not None else (ok, ())

    try:
        found = resolve.reading(user, run)
    except NoMembership:
        return ()
    allowed = live.permitted(user, ((one.document_id, one.asks) for one in found))
    return tuple(one for one in found if one.document_id in allowed)[:limit]


def _mean(scope: Scope, document_id: int) -> tuple[bool, NDArray[np.float32] | None]:
    source, is_readable = scopes.passages("search_chunkvector", exact=True)
    select = _MEAN.format(source=source, is_readable=is_readable)
    ok, rows = scopes.rows(scope, select, "found.vectors", {"document": document_id})
    if not ok or not rows or rows[0][0] is None:
        return ok, None
    mean = np.asarray(rows[0][0], np.float32)
    length = float(np.linalg.norm(mean))
    return True, (mean / length).astype(np.float32) if length else None


def _near(
    scope: Scope, mean: NDArray[np.float32], document_id: int
) -> tuple[bool, tuple[Passage, ...]]:
    # Only the documents know their classes.
    exact = not class_rules.are_all_allowed()
    found = vector_store.nearest(scope, mean, _CANDIDATES, exact=exact)
    hits, seen = [], {document_id}
    for hit in found.hits:
        if hit.document_id not in seen and hit.score >= _LEAST_COSINE:
            seen.add(hit.document_id)
            hits.append(hit)
    if not found.ok:
        return False, ()
    released = release.release(scope, hits, len(hits))
    return released.ok, released.passages
