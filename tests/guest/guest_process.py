"""A guest process for tests: host CPython with a `_host` module that keeps storage in memory.

Run as a script with the path of a request (see `guest_runs.py`). It writes what the guest asked for as lines of JSON
to the journal that the request names, at once, so that nothing is lost however the process ends.
"""

import json
import os
import struct
import sys
import types
from pathlib import Path

_HEAD = struct.Struct("<32sII")
_U32 = struct.Struct("<I")
NO_RESULT = 0xFFFF_FFFF
RETURN_PREFIX = b"\x0e\x06Return"
ROLLBACK_PREFIX = b"\x0e\x08Rollback"


class StubHost:
    """Answers the frames of the door (`genvm_replay/guest/_host.pyi`)."""

    def __init__(self, request, journal):
        self.slots = {
            bytes.fromhex(slot): bytearray.fromhex(data) for slot, data in request["storage"].items()
        }
        self.answers = {bytes.fromhex(key): bytes.fromhex(data) for key, data in request["answers"].items()}
        self.balances = {bytes.fromhex(key): value for key, value in request["balances"].items()}
        self.errno = request["errno"]
        self.journal = journal
        self.table = {
            1: self.storage_read,
            2: self.storage_write,
            3: self.get_balance,
            4: self.get_self_balance,
            5: self.gl_call,
            6: self.image_ready,
        }

    def note(self, **fields):
        os.write(self.journal, json.dumps(fields).encode() + b"\n")

    def call(self, frame):
        assert type(frame) is bytearray, type(frame)
        operation = frame[0]
        errno = self.errno.get(str(operation), 0)
        if not errno:
            self.table[operation](frame)
        frame[0] = errno
        return b""

    def storage_read(self, frame):
        slot, off, size = _HEAD.unpack_from(frame, 1)
        assert len(frame) == 41 + size, (len(frame), size)
        data = bytes(self.slots.get(slot, b"")[off : off + size])
        frame[41:] = data.ljust(size, b"\0")
        self.note(op="read", slot=slot.hex(), off=off, size=size)

    def storage_write(self, frame):
        slot, off, size = _HEAD.unpack_from(frame, 1)
        assert len(frame) == 41 + size, (len(frame), size)
        stored = self.slots.setdefault(slot, bytearray())
        stored.extend(bytes(max(0, off - len(stored))))
        stored[off : off + size] = frame[41:]
        self.note(op="write", slot=slot.hex(), off=off, data=frame[41:].hex())

    def get_balance(self, frame):
        assert len(frame) == 53
        frame[21:] = self.balances.get(bytes(frame[1:21]), 0).to_bytes(32, "little")

    def get_self_balance(self, frame):
        assert len(frame) == 33
        frame[1:] = self.balances.get(b"", 0).to_bytes(32, "little")

    def gl_call(self, frame):
        request = bytes(frame[5:])
        self.note(op="gl_call", request=request.hex())
        if request.startswith((RETURN_PREFIX, ROLLBACK_PREFIX)):
            os._exit(0)
        answer = self.answers.get(request)
        if answer is None:
            _U32.pack_into(frame, 1, NO_RESULT)
            return
        read_end, write_end = os.pipe()
        os.write(write_end, answer)
        os.close(write_end)
        _U32.pack_into(frame, 1, read_end)

    def image_ready(self, frame):
        self.note(op="image_ready", ids=[*struct.unpack_from("<II", frame, 1)], size=len(frame))


def run(request):
    journal = os.open(request["journal"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    host = types.ModuleType("_host")
    host.call = StubHost(request, journal).call
    sys.modules["_host"] = host
    sys.path[0] = request["guest"]
    sys.path += [request["contract_dir"], request["libraries"]]

    def put_message():
        message = os.open(request["message"], os.O_RDONLY)
        os.dup2(message, 0)
        os.close(message)

    import _genlayer_runner

    _genlayer_runner.prepare_sdk()
    if request["contract_image"]:
        _genlayer_runner.prepare_contract()
    put_message()
    _genlayer_runner.main()


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text()))
