"""Vectors in storage, and texts as vectors (sdk.md section 8.1). There for contracts that name its runner."""

from genlayer_embeddings.distance import Distance, EuclideanDistanceSquared
from genlayer_embeddings.generation import VecDB
from genlayer_embeddings.sentence_transformer import (
    SentenceTransformer,
    SentenceTransformerFromPath,
    get_model,
)

__all__ = (
    "Distance",
    "EuclideanDistanceSquared",
    "SentenceTransformer",
    "SentenceTransformerFromPath",
    "VecDB",
    "get_model",
)
