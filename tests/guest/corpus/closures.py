# { "Depends": "py-genlayer:test" }
from genlayer import *
from dataclasses import dataclass
import json

LIMIT = 3


@allow_storage
@dataclass
class Source:
    name: str
    url: str


class Parser:
    def __init__(self, mark: str):
        self.mark = mark

    def parse(self, text: str) -> list[str]:
        return [part.strip() for part in text.split(self.mark)][:LIMIT]


def normalise(text: str) -> str:
    return " ".join(text.lower().split())


class Closures(gl.Contract):
    sources: DynArray[Source]
    results: TreeMap[str, str]

    def __init__(self, urls: list[str]):
        for number, url in enumerate(urls):
            self.sources.append(Source(f"s{number}", url))

    def _collect(self, urls: list[str], parser: Parser):
        def one(url: str) -> list[str]:
            try:
                response = gl.nondet.web.request(url, method="GET")
                if response.status >= 400:
                    raise gl.vm.UserError(f"status {response.status}")
                return parser.parse(normalise(response.body.decode()))
            except gl.vm.UserError as error:
                return [error.message]

        return lambda: {str(i): one(url) for i, url in enumerate(urls)}

    @gl.public.write
    def collect(self, mark: str) -> dict:
        urls = [source.url for source in self.sources]
        leader = self._collect(urls, Parser(mark))

        def validator(leaders_res) -> bool:
            if not isinstance(leaders_res, gl.vm.Return):
                return False
            return json.dumps(leaders_res.calldata, sort_keys=True) == json.dumps(leader(), sort_keys=True)

        found = gl.vm.run_nondet(leader, validator)
        for key, parts in found.items():
            self.results[key] = "|".join(parts)
        return found

    @gl.public.write
    def sandboxed(self, text: str) -> str:
        result = gl.vm.spawn_sandbox(lambda: normalise(text))
        return gl.vm.unpack_result(result)

    @gl.public.view
    def get(self) -> dict[str, str]:
        return dict(self.results.items())
