"""The peers that filtered_search measures, each with its index over the vectors and policies.

Every engine is asked for the same: the nearest passages under a reader's policies. What it needs
for that of the filter is made once for each reader, outside the measured time.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.filtered_data import DIMENSION, Corpus, Numbers, Vectors

PEERS = Path(".peers/engines")
_M, _EF_CONSTRUCTION = 16, 64
_AT_ONCE = 10_000

Search = Callable[[str, Vectors, int], Numbers]


class Engine(Protocol):
    """One engine with its index.

    Attributes:
        name: as in the table.
        package: its folder below `PEERS`; empty for what the project has itself.
        settings: how it is asked -> a function of (reach, question, count).
    """

    name: str
    package: str

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Load the rows and make the index; files go into the folder."""
        ...

    def settings(self) -> dict[str, Search]:
        """Return the ways to ask it, by name."""
        ...

    def close(self) -> None:
        """Let go of files and memory."""
        ...


def load(package: str, module: str) -> Any:
    """Import a peer's module.

    Raises:
        ImportError: it is not installed; `benchmarks/install_peers.sh` does it.
    """
    folder = PEERS / package
    if not folder.is_dir():
        raise ImportError(f"{folder} is absent: run benchmarks/install_peers.sh")
    # At the end: what Kenward has installed counts first.
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return importlib.import_module(module)


class _Peer:
    """What needs no closing."""

    def close(self) -> None:
        """Leave it to the process's end."""


class Exact(_Peer):
    """NumPy over the permitted rows, which were gathered before: what no search can be below."""

    name, package = "NumPy exact", ""

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Gather each reader's rows."""
        permitted = {reach: corpus.permitted(reach) for reach in corpus.readers}
        everything = len(corpus.vectors)
        self._rows = permitted
        self._vectors = {
            reach: corpus.vectors if len(rows) == everything else corpus.vectors[rows]
            for reach, rows in permitted.items()
        }

    def settings(self) -> dict[str, Search]:
        """There is one."""
        return {"": self._nearest}

    def _nearest(self, reach: str, question: Vectors, count: int) -> Numbers:
        cosines = self._vectors[reach] @ question
        best = np.argpartition(-cosines, min(count, len(cosines) - 1))[:count]
        return np.asarray(self._rows[reach][best[np.argsort(-cosines[best])]])


class Faiss(_Peer):
    """faiss-cpu: HNSW with a bitmap of the permitted rows as selector."""

    name, package = "FAISS HNSW", "faiss-cpu"

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Make the graph in memory."""
        self._faiss = load(self.package, "faiss")
        metric = self._faiss.METRIC_INNER_PRODUCT
        self._index = self._faiss.IndexHNSWFlat(DIMENSION, _M, metric)
        self._index.hnsw.efConstruction = _EF_CONSTRUCTION
        self._index.add(corpus.vectors)
        self._selectors = {}
        self._bits = {}  # FAISS keeps the address only
        for reach in corpus.readers:
            allowed = np.zeros(len(corpus.vectors), np.uint8)
            allowed[corpus.permitted(reach)] = 1
            bits = self._bits[reach] = np.packbits(allowed, bitorder="little")
            self._selectors[reach] = self._faiss.IDSelectorBitmap(bits)

    def settings(self) -> dict[str, Search]:
        """More effort helps where the filter lets much through."""
        return {f"ef {ef}": self._with(ef) for ef in (100, 400)}

    def _with(self, ef: int) -> Search:
        # Single questions: one core, as for all others.
        self._faiss.omp_set_num_threads(1)
        chosen = {
            reach: self._faiss.SearchParametersHNSW(sel=selector, efSearch=ef)
            for reach, selector in self._selectors.items()
        }

        def nearest(reach: str, question: Vectors, count: int) -> Numbers:
            _, found = self._index.search(question[None], count, params=chosen[reach])
            return np.asarray(found[0][found[0] >= 0])

        return nearest


class Hnswlib(_Peer):
    """hnswlib: HNSW that asks a function of ours about each row."""

    name, package = "hnswlib", "hnswlib"

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Make the graph in memory."""
        module = load(self.package, "hnswlib")
        self._index = module.Index(space="ip", dim=DIMENSION)
        self._index.init_index(len(corpus.vectors), ef_construction=_EF_CONSTRUCTION, M=_M)
        self._index.add_items(corpus.vectors)
        self._index.set_ef(100)
        self._allowed = {}
        for reach in corpus.readers:
            allowed = np.zeros(len(corpus.vectors), bool)
            allowed[corpus.permitted(reach)] = True
            self._allowed[reach] = allowed.tolist()

    def settings(self) -> dict[str, Search]:
        """There is one."""
        return {"ef 100": self._nearest}

    def _nearest(self, reach: str, question: Vectors, count: int) -> Numbers:
        allowed = self._allowed[reach]
        try:
            found, _ = self._index.knn_query(
                question[None], count, num_threads=1, filter=allowed.__getitem__
            )
        except RuntimeError:  # it gives up when it finds fewer than were asked for
            return np.empty(0, np.int64)
        return np.asarray(found[0], np.int64)


class Qdrant:
    """qdrant-edge in this process, with an index over the policies."""

    name, package = "qdrant-edge", "qdrant-edge-py"

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Write the points, index the policies, optimise until nothing is left to do."""
        self._module = module = load(self.package, "qdrant_edge")
        (folder / "qdrant").mkdir()
        config = module.EdgeConfig(
            vectors=module.EdgeVectorParams(size=DIMENSION, distance=module.Distance.Cosine)
        )
        self._shard = module.EdgeShard.create(str(folder / "qdrant"), config)
        kind = module.PayloadSchemaType.Integer
        self._shard.update(module.UpdateOperation.create_field_index("policy", kind))
        for first in range(0, len(corpus.vectors), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            rows = zip(corpus.vectors[part], corpus.policies[part].tolist(), strict=True)
            points = [
                module.Point(id=first + n, vector=vector.tolist(), payload={"policy": policy})
                for n, (vector, policy) in enumerate(rows)
            ]
            self._shard.update(module.UpdateOperation.upsert_points(points))
        while self._shard.optimize():
            pass
        self._filters = {
            reach: module.Filter(
                must=[module.FieldCondition(key="policy", match=module.MatchAny(which.tolist()))]
            )
            for reach, which in corpus.readers.items()
        }

    def settings(self) -> dict[str, Search]:
        """As it comes; with ACORN, which follows the graph through what is filtered out."""
        acorn = self._module.AcornSearchParams(enable=True)
        return {
            "default": self._with(self._module.SearchParams()),
            "ef 200": self._with(self._module.SearchParams(hnsw_ef=200)),
            "ACORN": self._with(self._module.SearchParams(hnsw_ef=100, acorn=acorn)),
        }

    def close(self) -> None:
        """Close the shard; else the points would be written twice when the process ends."""
        self._shard.close()

    def _with(self, params: Any) -> Search:
        def nearest(reach: str, question: Vectors, count: int) -> Numbers:
            request = self._module.QueryRequest(
                limit=count,
                query=self._module.Query.Nearest(question.tolist()),
                filter=self._filters[reach],
                params=params,
            )
            return np.array([point.id for point in self._shard.query(request)], np.int64)

        return nearest


class Lance(_Peer):
    """LanceDB: IVF_HNSW_SQ in one partition, the filter first, with an index over the policies."""

    name, package = "LanceDB", "lancedb"

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Write the table, then both indexes."""
        lancedb = load(self.package, "lancedb")
        pyarrow = importlib.import_module("pyarrow")
        flat = pyarrow.array(corpus.vectors.ravel())
        rows = pyarrow.table(
            {
                "id": np.arange(len(corpus.vectors)),
                "policy": corpus.policies,
                "vector": pyarrow.FixedSizeListArray.from_arrays(flat, DIMENSION),
            }
        )
        self._table = lancedb.connect(folder / "lance").create_table("passages", rows)
        self._table.create_scalar_index("policy", index_type="BTREE")
        self._table.create_index(
            metric="cosine",
            index_type="IVF_HNSW_SQ",
            num_partitions=1,
            m=_M,
            ef_construction=_EF_CONSTRUCTION,
        )
        self._filters = {
            reach: f"policy IN ({', '.join(map(str, which))})"
            for reach, which in corpus.readers.items()
        }

    def settings(self) -> dict[str, Search]:
        """As it comes; with the quantised distances made good from the vectors."""
        return {"default": self._with(None), "refined": self._with(5)}

    def _with(self, refine: int | None) -> Search:
        def nearest(reach: str, question: Vectors, count: int) -> Numbers:
            query = self._table.search(question).distance_type("cosine").ef(100)
            query = (
                query.where(self._filters[reach], prefilter=True)
                .limit(count)
                .select(["id", "_distance"])
            )
            if refine is not None:
                query = query.refine_factor(refine)
            return np.asarray(query.to_arrow()["id"].to_numpy(), np.int64)

        return nearest


class Chroma(_Peer):
    """Chroma, its files in a folder, filtered by its metadata."""

    name, package = "Chroma", "chromadb"

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Write the collection; its graph grows meanwhile."""
        module = load(self.package, "chromadb")
        quiet = module.config.Settings(anonymized_telemetry=False)
        client = module.PersistentClient(path=str(folder / "chroma"), settings=quiet)
        configuration = {"space": "cosine", "max_neighbors": _M, "ef_search": 100}
        configuration["ef_construction"] = _EF_CONSTRUCTION
        self._collection = client.create_collection(
            "passages", embedding_function=None, configuration={"hnsw": configuration}
        )
        batch = min(5_000, client.get_max_batch_size())
        for first in range(0, len(corpus.vectors), batch):
            part = slice(first, first + batch)
            policies = corpus.policies[part].tolist()
            self._collection.add(
                ids=[str(first + n) for n in range(len(policies))],
                embeddings=corpus.vectors[part],
                metadatas=[{"policy": policy} for policy in policies],
            )
        self._filters = {
            reach: {"policy": {"$in": which.tolist()}} for reach, which in corpus.readers.items()
        }

    def settings(self) -> dict[str, Search]:
        """There is one."""
        return {"ef 100": self._nearest}

    def _nearest(self, reach: str, question: Vectors, count: int) -> Numbers:
        found = self._collection.query(
            query_embeddings=question[None], n_results=count, where=self._filters[reach], include=[]
        )
        return np.array([int(number) for number in found["ids"][0]], np.int64)


class Milvus(_Peer):
    """milvus-lite: HNSW, filtered by an expression over the policies."""

    name, package = "milvus-lite", "milvus-lite"

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Write the collection, then its index."""
        module = load(self.package, "pymilvus")
        kinds = module.DataType
        self._client = module.MilvusClient(str(folder / "milvus.db"))
        schema = self._client.create_schema(auto_id=False)
        schema.add_field("id", kinds.INT64, is_primary=True)
        schema.add_field("policy", kinds.INT64)
        schema.add_field("vector", kinds.FLOAT_VECTOR, dim=DIMENSION)
        self._client.create_collection("passages", schema=schema)
        for first in range(0, len(corpus.vectors), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            rows = zip(corpus.policies[part].tolist(), corpus.vectors[part], strict=True)
            self._client.insert(
                "passages",
                [
                    {"id": first + n, "policy": policy, "vector": vector}
                    for n, (policy, vector) in enumerate(rows)
                ],
            )
        indexes = self._client.prepare_index_params()
        graph = {"M": _M, "efConstruction": _EF_CONSTRUCTION}
        indexes.add_index("vector", index_type="HNSW", metric_type="COSINE", params=graph)
        self._client.create_index("passages", indexes)
        self._client.load_collection("passages")
        self._filters = {
            reach: f"policy in {which.tolist()}" for reach, which in corpus.readers.items()
        }

    def settings(self) -> dict[str, Search]:
        """There is one."""
        return {"ef 100": self._nearest}

    def _nearest(self, reach: str, question: Vectors, count: int) -> Numbers:
        found = self._client.search(
            "passages",
            [question.tolist()],
            filter=self._filters[reach],
            limit=count,
            search_params={"metric_type": "COSINE", "params": {"ef": 100}},
        )
        return np.array([hit["id"] for hit in found[0]], np.int64)


def peers() -> Sequence[Engine]:
    """Return all of them, not built yet."""
    return [Exact(), Faiss(), Hnswlib(), Qdrant(), Lance(), Chroma(), Milvus()]
