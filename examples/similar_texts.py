# {
#   "Seq": [
#     { "Depends": "py-lib-genlayer-embeddings:0bmbm3cyfwxsyh454z53vxqjf47wz2q7smcqp1q4g4a6k2kidnyk" },
#     { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
#   ]
# }
"""Finds articles by likeness: texts become vectors in storage, counted by their words in fixed places.

`SentenceTransformer("all-MiniLM-L6-v2")` of the same library makes vectors of meaning, where the model is installed.
"""

import re
import typing
from dataclasses import dataclass
from hashlib import sha256

import genlayer_embeddings as gle
import numpy as np
from genlayer import *

PLACES = 64


@allow_storage
@dataclass
class Article:
    title: str
    author: Address


def vector_of(text: str) -> np.ndarray:
    """Count each word in a place that its hash picks; the length of the vector is 1."""
    vector = np.zeros(PLACES, np.float32)
    for word in re.findall(r"\w+", text.lower()):
        vector[sha256(word.encode()).digest()[0] % PLACES] += 1
    return vector / max(np.linalg.norm(vector), np.float32(1))


class SimilarTexts(gl.Contract):
    articles: gle.VecDB[np.float32, typing.Literal[64], Article, gle.EuclideanDistanceSquared]

    def __init__(self):
        pass

    @gl.public.write
    def publish(self, title: str, text: str) -> int:
        return self.articles.insert(vector_of(text), Article(title, gl.message.sender_address))

    @gl.public.write
    def withdraw(self, id: int) -> None:
        article = self.articles.get_by_id_or_none(id)
        if article is None or article.value.author != gl.message.sender_address:
            raise gl.vm.UserError("only who published an article can withdraw it")
        article.remove()

    @gl.public.view
    def like(self, text: str, count: int) -> list:
        found = self.articles.knn(vector_of(text), count)
        return [
            {"id": near.id, "title": near.value.title, "distance": f"{near.distance:.3f}"} for near in found
        ]
