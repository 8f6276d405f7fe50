# v0.2.16
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }

from genlayer import *


class Hello(gl.Contract):
    greeting: str
    greeted: TreeMap[str, u32]

    def __init__(self, greeting: str):
        self.greeting = greeting

    @gl.public.write
    def greet(self, name: str) -> str:
        times = self.greeted.get(name, 0) + 1
        self.greeted[name] = times
        return f"{self.greeting}, {name}!" + (f" ({times} times now)" if times > 1 else "")

    @gl.public.view
    def guests(self) -> dict:
        return {name: times for name, times in self.greeted.items()}
