# { "Depends": "py-genlayer:test" }
from genlayer import *
import json


class WebStrict(gl.Contract):
    page: str
    status: u16

    def __init__(self):
        self.page = ""

    @gl.public.write
    def fetch(self, url: str) -> str:
        def get() -> str:
            response = gl.nondet.web.get(url, headers={"accept": "application/json"})
            body = json.loads(response.body.decode("utf-8"))
            return json.dumps({"status": response.status, "keys": sorted(body)}, sort_keys=True)

        found = json.loads(gl.eq_principle.strict_eq(get))
        self.status = u16(found["status"])
        self.page = ",".join(found["keys"])
        return self.page

    @gl.public.write
    def render(self, url: str) -> None:
        self.page = gl.eq_principle.strict_eq(lambda: gl.nondet.web.render(url, mode="text")[:100])

    @gl.public.view
    def get_page(self) -> str:
        return self.page
