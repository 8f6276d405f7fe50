# { "Depends": "py-genlayer:test" }
from genlayer import *


class Asking(gl.Contract):
    asked: u32

    @gl.public.write
    def ask(self, what: str) -> list:
        """Ask a model and the web."""
        self.asked += 1
        return gl.eq_principle.strict_eq(
            lambda: [gl.nondet.exec_prompt(what), gl.nondet.web.render("http://a")]
        )
