# v0.1.0
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
from genlayer import *


class Upgradable(gl.Contract):
    note: str

    def __init__(self, note: str):
        self.note = note
        root = gl.storage.Root.get()
        root.upgraders.get().append(gl.message.sender_address)

    @gl.public.view
    def slots(self) -> list:
        root = gl.storage.Root.get()
        return [len(root.upgraders.get()), len(root.locked_slots.get()), len(root.code.get()) > 100]

    @gl.public.write
    def upgrade(self, new_code: bytes) -> None:
        code = gl.storage.Root.get().code.get()
        code.truncate()
        code.extend(new_code)
