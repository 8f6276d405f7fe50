# v0.1.10
# { "Depends": "py-genlayer:test" }

# As the documentation shows it (image processing, calling LLMs, web access): images, rendered pages, answers as JSON.
from genlayer import *


class StatusBoard(gl.Contract):
    operational: bool
    verified: bool
    score: u256
    title: str

    def __init__(self):
        self.operational = False
        self.verified = False

    @gl.public.write
    def check(self, url: str) -> None:
        def check_website_status():
            screenshot = gl.nondet.web.render(url, mode="screenshot")
            return gl.nondet.exec_prompt(
                "Is this status page showing all systems operational? "
                'Respond as JSON: {"all_operational": true/false}',
                images=[screenshot],
                response_format="json",
            )

        self.operational = gl.eq_principle.strict_eq(check_website_status)["all_operational"]

    @gl.public.write
    def rate(self, url: str) -> None:
        def structured_llm_call():
            page = gl.nondet.web.render(url, mode="text", wait_after_loaded="10ms")
            found = gl.nondet.exec_prompt(
                f"Rate this page from 1 to 100: {page.strip()}", response_format="json"
            )
            return {"score": found["score"], "status": found["status"], "page": page.strip()}

        def validate_structured(leader_result) -> bool:
            if not isinstance(leader_result, gl.vm.Return):
                return False
            data = leader_result.calldata
            own = structured_llm_call()
            return (
                1 <= data["score"] <= 100 and data["status"] == own["status"] and data["page"] == own["page"]
            )

        result = gl.vm.run_nondet_unsafe(structured_llm_call, validate_structured)
        self.score = u256(result["score"])
        self.title = result["page"]

    @gl.public.write
    def verify_receipt(self, image_data: bytes, expected_amount: str) -> None:
        def leader_fn():
            return gl.nondet.exec_prompt(
                f"Does this receipt show a payment of {expected_amount}? "
                'Respond as JSON: {"matches": true/false, "actual_amount": "..."}',
                images=[image_data],
                response_format="json",
            )

        def validator_fn(leaders_res) -> bool:
            if not isinstance(leaders_res, gl.vm.Return):
                return False
            my_result = leader_fn()
            return my_result["matches"] == leaders_res.calldata["matches"]

        result = gl.vm.run_nondet_unsafe(leader_fn, validator_fn)
        self.verified = result["matches"]

    @gl.public.view
    def board(self) -> list:
        return [self.operational, self.verified, self.score, self.title]
