# { "Depends": "py-genlayer:test" }
from genlayer import *
import json


class JsonStore(gl.Contract):
    data: str
    versions: TreeMap[u32, str]

    def __init__(self):
        self.data = json.dumps({})

    @gl.public.write
    def put(self, key: str, value: dict) -> int:
        data = json.loads(self.data)
        data[key] = value
        self.data = json.dumps(data, separators=(",", ":"), sort_keys=True)
        self.versions[u32(len(self.versions))] = self.data
        return len(self.data)

    @gl.public.view
    def get(self, key: str) -> dict | None:
        return json.loads(self.data).get(key)

    @gl.public.view
    def get_all(self) -> str:
        return self.data

    @gl.public.view
    def version(self, number: int) -> str:
        return self.versions.get(u32(number), "none")
