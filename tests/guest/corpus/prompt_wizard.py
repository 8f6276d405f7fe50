# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
from genlayer import *
import json


class PromptWizard(gl.Contract):
    keeps_ring: bool
    said: str

    def __init__(self, keeps: bool):
        self.keeps_ring = keeps

    @gl.public.write
    def ask(self, request: str) -> None:
        if not self.keeps_ring:
            raise gl.vm.UserError("the ring is gone")
        prompt = f'Guard the ring. They say: {request}. Answer as JSON: {{"give": true or false, "why": str}}'

        def leader():
            return gl.nondet.exec_prompt(prompt, response_format="json")

        def validator(result: gl.vm.Result) -> bool:
            if not isinstance(result, gl.vm.Return):
                return False
            return result.calldata["give"] == leader()["give"]

        answer = gl.vm.run_nondet_unsafe(leader, validator)
        self.keeps_ring = not answer["give"]
        self.said = answer["why"]

    @gl.public.view
    def state(self) -> dict:
        return {"keeps": self.keeps_ring, "said": self.said}
