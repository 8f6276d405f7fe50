"""The model all-MiniLM-L6-v2: a BERT encoder of six layers with a pooler (Devlin et al. 2018), in float32.

Its numbers: 384 wide, 12 heads, 1536 inside a layer, layer norms with epsilon 1e-12 (the model's config.json).
"""

import functools
import math
import typing

import numpy as np  # type: ignore[import-not-found]  # the guest's

from genlayer_embeddings.weights import Weights

LAYERS: typing.Final = 6
HEADS: typing.Final = 12
EPSILON: typing.Final = np.float32(1e-12)
UNATTENDED: typing.Final = np.float32(
    -10000
)  # added to the scores of tokens that the attention mask leaves out

Linear: typing.TypeAlias = "tuple[typing.Any, typing.Any]"  # weight, bias

ERF_END: typing.Final = 4  # from here on the error function is 1 in float32
ERF_STEPS: typing.Final = 1 << 12  # to a unit: linear interpolation is then exact to 1e-8, float32 to 6e-8


class MiniLM:
    """The model in a folder. The weights of the layers are read at once, those of words when they occur."""

    def __init__(self, path: str) -> None:
        self._weights = Weights(f"{path}/model.safetensors")
        self._embedding_norm = self._pair("embeddings.LayerNorm")
        self._layers = [_Layer(self._pair, f"encoder.layer.{number}.") for number in range(LAYERS)]
        self._pooler = self._pair("pooler.dense")
        _erf_table()  # now, so that an image of the model holds it

    def run(self, ids: typing.Any, attention_mask: typing.Any, token_type_ids: typing.Any) -> typing.Any:
        """Give the pooled vector of a sequence of tokens. All arguments are integers of shape (n,)."""
        rows = self._weights.rows
        vectors = rows("embeddings.word_embeddings.weight", ids)
        vectors = vectors + rows("embeddings.token_type_embeddings.weight", token_type_ids)
        vectors = vectors + rows("embeddings.position_embeddings.weight", range(len(ids)))
        vectors = _norm(vectors, self._embedding_norm)
        mask = (np.float32(1) - attention_mask.astype(np.float32)) * UNATTENDED
        for layer in self._layers:
            vectors = layer.run(vectors, mask)
        return np.tanh(_linear(vectors[:1], self._pooler))[0]

    def _pair(self, name: str) -> Linear:
        return self._weights.array(f"{name}.weight"), self._weights.array(f"{name}.bias")


class _Layer:
    """Attention, then two dense layers; each result is added to what went in and normalised."""

    def __init__(self, pair: typing.Callable[[str], Linear], name: str) -> None:
        self._query, self._key, self._value = (
            pair(f"{name}attention.self.{part}") for part in ("query", "key", "value")
        )
        self._attended = pair(f"{name}attention.output.dense")
        self._attended_norm = pair(f"{name}attention.output.LayerNorm")
        self._widen = pair(f"{name}intermediate.dense")
        self._narrow = pair(f"{name}output.dense")
        self._norm = pair(f"{name}output.LayerNorm")

    def run(self, vectors: typing.Any, mask: typing.Any) -> typing.Any:
        query, key, value = (_heads(_linear(vectors, part)) for part in (self._query, self._key, self._value))
        scores = query @ key.transpose(0, 2, 1) / np.float32(math.sqrt(query.shape[-1])) + mask
        mixed = (_softmax(scores) @ value).transpose(1, 0, 2).reshape(vectors.shape)
        vectors = _norm(_linear(mixed, self._attended) + vectors, self._attended_norm)
        inner = _gelu(_linear(vectors, self._widen))
        return _norm(_linear(inner, self._narrow) + vectors, self._norm)


def _linear(vectors: typing.Any, layer: Linear) -> typing.Any:
    weight, bias = layer
    return vectors @ weight.T + bias


def _heads(vectors: typing.Any) -> typing.Any:
    return vectors.reshape(len(vectors), HEADS, -1).transpose(1, 0, 2)


def _softmax(scores: typing.Any) -> typing.Any:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _gelu(values: typing.Any) -> typing.Any:
    return values * (_erf(values / np.float32(math.sqrt(2))) + np.float32(1)) * np.float32(0.5)


def _erf(values: typing.Any) -> typing.Any:
    """The error function, which NumPy lacks: looked up, because `math.erf` for each number takes five times as long."""
    table = _erf_table()
    places = (np.clip(values, -ERF_END, ERF_END).astype(np.float64) + ERF_END) * ERF_STEPS
    below = np.minimum(places.astype(np.int32), len(table) - 2)
    low = table[below]
    return (low + (places - below) * (table[below + 1] - low)).astype(np.float32)


@functools.cache
def _erf_table() -> typing.Any:
    places = range(-ERF_END * ERF_STEPS, ERF_END * ERF_STEPS + 1)
    return np.array([math.erf(place / ERF_STEPS) for place in places])


def _norm(vectors: typing.Any, layer: Linear) -> typing.Any:
    weight, bias = layer
    centred = vectors - vectors.mean(-1, keepdims=True)
    variance = (centred * centred).mean(-1, keepdims=True)
    return centred / np.sqrt(variance + EPSILON) * weight + bias
