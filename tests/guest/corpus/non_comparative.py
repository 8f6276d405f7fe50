# { "Depends": "py-genlayer:test" }
from genlayer import *


class NonComparative(gl.Contract):
    summary: str

    def __init__(self):
        self.summary = ""

    @gl.public.write
    def summarise(self, text: str) -> str:
        self.summary = gl.eq_principle.prompt_non_comparative(
            lambda: text,
            task="summarise the text in one sentence",
            criteria="one sentence; nothing that the text does not say",
        )
        return self.summary

    @gl.public.view
    def get(self) -> str:
        return self.summary
