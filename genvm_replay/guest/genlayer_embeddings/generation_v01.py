"""Which `VecDB` there is: the one of the runners v0.1.x."""

from genlayer_embeddings.flat_vec_db import FlatVecDB as VecDB

__all__ = ("VecDB",)
