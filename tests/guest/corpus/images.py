# { "Depends": "py-genlayer:test" }
from genlayer import *


class Images(gl.Contract):
    verdict: str

    def __init__(self):
        self.verdict = ""

    @gl.public.write
    def look(self, image: bytes, question: str) -> None:
        def ask():
            return gl.nondet.exec_prompt(question, images=[image], response_format="json")

        def agree(result) -> bool:
            return isinstance(result, gl.vm.Return) and result.calldata["match"] == ask()["match"]

        self.verdict = str(gl.vm.run_nondet_unsafe(ask, agree)["match"])

    @gl.public.write
    def screenshot(self, url: str) -> int:
        def shoot() -> bytes:
            return gl.nondet.web.render(url, mode="screenshot", wait_after_loaded="1s").raw

        return len(gl.eq_principle.strict_eq(shoot))
