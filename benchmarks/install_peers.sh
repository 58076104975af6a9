#!/bin/sh
# Puts the engines that benchmarks/filtered_search.py measures beside Kenward into .peers/engines,
# and what benchmarks/filtered_plot.py draws with.
# They are no dependencies of the project: what is absent is left out of the table.
set -eu
cd "$(dirname "$0")/.."
for engine in qdrant-edge-py lancedb chromadb milvus-lite faiss-cpu hnswlib matplotlib; do
    case $engine in milvus-lite) also=pymilvus ;; *) also= ;; esac
    # A folder each: what they need differs. $also is empty or one word.
    # shellcheck disable=SC2086
    python3 -m pip install --quiet --disable-pip-version-check --upgrade \
        --target ".peers/engines/$engine" $engine $also ||
        echo "$engine could not be installed: it will be left out" >&2
done
