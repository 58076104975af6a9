"""Which model a tenant's vectors were made with. Vectors of two models do not compare."""

from __future__ import annotations

from apps.documents.models import Document
from apps.search.embeddings.embedding import EmbeddingSpec, EmbeddingUnavailable
from apps.search.models import EmbeddingModel
from apps.search.vectors import vector_store
from apps.tenants.context import required_tenant_id


class EmbeddingModelChanged(EmbeddingUnavailable):
    """The settings name another model than the one that made the tenant's vectors."""

    code = "embedding_model_changed"


def require(spec: EmbeddingSpec) -> None:
    """Hold that the bound tenant's vectors, if it has any, are of this model.

    Raises:
        EmbeddingModelChanged: they are of another one.
    """
    _hold(_active(), spec)


def adopt(spec: EmbeddingSpec) -> None:
    """Remember the model as the bound tenant's, or hold that it is; in the caller's transaction.

    Raises:
        EmbeddingModelChanged: the tenant has vectors of another model.
    """
    active = _active()
    if active is None:
        # Two indexers may be the first at once: one inserts, the other waits and finds it.
        EmbeddingModel.objects.bulk_create(
            [
                EmbeddingModel(
                    tenant_id=required_tenant_id(),
                    name=spec.name,
                    revision=spec.revision,
                    dimension=spec.dimension,
                )
            ],
            ignore_conflicts=True,
        )
        active = _active()
    _hold(active, spec)


def start_over() -> int:
    """Let every document of the bound tenant be indexed anew, with the model set by then.

    Passages stay findable by their words meanwhile. Runs in the caller's transaction.

    Returns:
        how many documents wait for indexing now.
    """
    vector_store.clear()
    EmbeddingModel.objects.all().delete()
    return Document.objects.live().update(indexed_version=0, index_attempts=0, index_after=None)


def _active() -> EmbeddingModel | None:
    return EmbeddingModel.objects.filter(is_active=True).first()


def _hold(active: EmbeddingModel | None, spec: EmbeddingSpec) -> None:
    if active is not None and _identity(active) != (spec.name, spec.revision, spec.dimension):
        raise EmbeddingModelChanged(
            "The documents were indexed with another embedding model than the one set now.",
            hint="Set EMBEDDING_MODEL and EMBEDDING_BASE_URL back, or run `./kenward reindex`.",
            detail=f"indexed with {active} ({active.dimension}), set is {spec}",
        )


def _identity(model: EmbeddingModel) -> tuple[str, str, int]:
    return model.name, model.revision, model.dimension
