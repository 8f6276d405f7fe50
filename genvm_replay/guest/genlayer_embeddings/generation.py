"""Which `VecDB` there is: the one of the runners from v0.2 on. Older ids get `generation_v01.py` in this place."""

from genlayer_embeddings.vec_db import VecDB

__all__ = ("VecDB",)
