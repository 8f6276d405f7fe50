"""`gl.message` and images (sdk.md section 1.4)."""

import pytest

from .guest_runs import CONTRACT, ORIGIN, SENDER

READS_MESSAGE = """
from genlayer import *
from genlayer.gl import message
at_import = message.sender_address
class C(gl.Contract):
    @gl.public.view
    def f(self): return [at_import, message.value, gl.message_raw['datetime']]
"""
PLAIN = """
from genlayer import *
import os, sys
class C(gl.Contract):
    @gl.public.view
    def f(self):
        raw = gl.message_raw
        assert gl.message is gl.message
        again = gl.calldata.decode(os.read(0, 1 << 20))
        assert again == raw and sys.stdin.buffer.read() == b''
        return {**gl.message._asdict(), 'raw': raw, 'argv': sys.argv, 'address': self.address}
"""


@pytest.mark.parametrize("contract_image", [False, True])
def test_message(chain, contract_image):
    """The message is the transaction's, also in an image of the contract; fd 0 can be read again."""
    chain.write_contract(PLAIN)
    chain.contract_image = contract_image
    answer = chain.call("f").returned
    assert answer["contract_address"] == answer["address"] == CONTRACT
    assert answer["sender_address"] == SENDER
    assert answer["origin_address"] == ORIGIN
    assert answer["value"] == 0
    assert answer["chain_id"] == 61999
    assert answer["argv"] == ["py"]
    assert answer["raw"]["datetime"] == "2024-11-26T06:42:42.424242Z"
    assert answer["raw"]["stack"] == []
    assert answer["raw"]["entry_kind"] == 0


def test_message_at_import(chain):
    """A contract that needs the message when it is imported works without an image of it, and has none."""
    chain.write_contract(READS_MESSAGE)
    assert chain.call("f").returned == [SENDER, 0, "2024-11-26T06:42:42.424242Z"]
    chain.contract_image = True
    ended = chain.call("f")
    assert ended.exit_code == 1
    assert [line["op"] for line in ended.journal] == ["image_ready"]


def test_image_ready(chain):
    """The SDK image reports two entries, and the import asks the host for nothing else."""
    chain.write_contract(PLAIN)
    journal = chain.call("f").journal
    assert [line["op"] for line in journal] == ["image_ready", "gl_call"]
    assert journal[0]["size"] == 9
    assert len(set(journal[0]["ids"])) == 2


def test_nothing_is_imported_by_a_transaction(chain):
    """What the usual paths need is in the SDK image."""
    chain.write_contract(
        "from genlayer import *\nimport sys\nbefore = set(sys.modules)\n"
        "class C(gl.Contract):\n    m: TreeMap[str, u256]\n    l: DynArray[bigint]\n"
        "    @gl.public.write\n    def f(self):\n        self.m['a'] = 1; self.l.append(2); [*self.m.items()]\n"
        "        gl.trace('x'); self.__get_schema__()\n"
        "        return sorted(set(sys.modules) - before - {'contract'})\n"
    )
    assert chain.call("f").returned == []


def test_balances(contract):
    """`balance` is the host's figure for this contract."""
    chain = contract(
        "from genlayer import *\nclass C(gl.Contract):\n    @gl.public.view\n"
        "    def f(self): return [self.balance, gl.wasi.get_balance(bytes(20))]\n"
    )
    chain.balances = {"": 10**30, "00" * 20: 7}
    assert chain.call("f").returned == [10**30, 7]


def test_absent_names(contract):
    """A name that `gl` does not have is an AttributeError, with advice where one is known."""
    chain = contract(
        "from genlayer import *\nclass C(gl.Contract):\n    @gl.public.view\n"
        "    def f(self, name): return getattr(gl, name)\n"
    )
    assert "module 'genlayer.gl' has no attribute 'nonsense'" in chain.call("f", "nonsense").stderr
    assert "emit_transfer" in chain.call("f", "transfer").stderr


def test_trace(contract):
    """Traces are requests of their own."""
    chain = contract(
        "from genlayer import *\nclass C(gl.Contract):\n    @gl.public.view\n    def f(self):\n"
        "        gl.trace('a', 1, sep='-'); return gl.trace_time_micro()\n"
    )
    request = "0e" + b"\x05Trace".hex() + "0e" + b"\x0fRuntimeMicroSec".hex() + "00"
    chain.answers = {request: "d907"}
    ended = chain.call("f")
    assert ended.requests[0] == {"Trace": {"Message": "a-1"}}
    assert ended.returned == 123


@pytest.mark.parametrize("operation", ["1", "2"])
def test_forbidden_storage(contract, operation):
    """A refusal of the host is a SystemError with number and name."""
    chain = contract(
        "from genlayer import *\nclass C(gl.Contract):\n    x: u8\n    y: u32\n    @gl.public.view\n"
        "    def f(self): self.x += 1\n"
    )
    chain.errno = {operation: 6}
    ended = chain.call("f")
    assert ended.exit_code == 1
    assert "SystemError: 6: forbidden" in ended.stderr


def test_raw_host_functions(contract):
    """`gl.wasi` fills buffers and checks sizes."""
    ended = contract(
        "from genlayer import *\nimport array\nclass C(gl.Contract):\n    @gl.public.write\n    def f(self):\n"
        "        slot = bytes(range(32))\n"
        "        gl.wasi.storage_write(slot, 3, memoryview(b'abcd'))\n"
        "        room = array.array('I', [0, 0])\n"
        "        gl.wasi.storage_read(slot, 2, room)\n"
        "        try: gl.wasi.storage_read(b'short', 0, room)\n"
        "        except ValueError as e: return [room.tobytes(), str(e)]\n"
    ).call("f")
    assert ended.returned == [b"\0abcd\0\0\0", "expected 32 bytes, got 5"]
