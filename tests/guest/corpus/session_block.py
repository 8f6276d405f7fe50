# { "Depends": "py-genlayer:132536jbnxkd1axfxg5rpfr5b60cr11adm2y4r90hgn0l59qsp9w" }
from genlayer import *
import json


class SessionBlock(gl.Contract):
    """Reads of storage are done before the block, its result is written after it."""

    prompt: str
    verdicts: DynArray[str]
    rounds: u32

    def __init__(self, prompt: str):
        self.prompt = prompt

    @gl.public.write
    def judge(self, evidence: list[str]) -> str:
        prompt = self.prompt
        numbered = "\n".join(f"{i}. {item}" for i, item in enumerate(evidence, 1))

        def judge_once() -> dict:
            raw = gl.nondet.exec_prompt(
                f"{prompt}\n{numbered}\nAnswer as JSON with `verdict`.", response_format="json"
            )
            verdict = str(raw.get("verdict", "")).strip().upper()
            if verdict not in ("YES", "NO"):
                raise gl.vm.UserError(f"no verdict: {verdict}")
            return {"verdict": verdict}

        def same(leaders: gl.vm.Result) -> bool:
            if isinstance(leaders, gl.vm.UserError):
                try:
                    judge_once()
                except gl.vm.UserError as error:
                    return error.message == leaders.message
                return False
            if not isinstance(leaders, gl.vm.Return):
                return False
            return leaders.calldata == judge_once()

        verdict = gl.vm.run_nondet_unsafe(judge_once, same)["verdict"]
        self.verdicts.append(verdict)
        self.rounds += 1
        return verdict

    @gl.public.view
    def history(self) -> str:
        return json.dumps({"rounds": self.rounds, "verdicts": list(self.verdicts)})
