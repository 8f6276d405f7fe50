"""What calls, messages and deployments ask of the host, and what authors do wrong (sdk.md sections 1.7, 7.2)."""

import pytest
from genlayer.py import calldata, evm
from genlayer.py.create2 import create2_address
from genlayer.py.types import Address, u256
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.replay.local_node import new_address

from .guest_runs import CONTRACT

OTHER = Address(b"\x07" * 20)
HEAD = f"""
from genlayer import *
import typing
OTHER = Address({OTHER.as_bytes!r})

@gl.contract_interface
class Token:
    class View:
        def balance_of(self, owner: Address) -> u256: ...
    class Write:
        def transfer(self, to: Address, amount: u256): ...

@gl.evm.contract_interface
class ERC20:
    class View:
        def balance_of(self, owner: Address) -> u256: ...
        def pair(self, /) -> tuple[gl.evm.InplaceTuple, u8, str]: ...
    class Write:
        def transfer(self, to: Address, amount: u256, /) -> bool: ...

class C(gl.Contract):
    @gl.public.write
    def do(self):
"""


def contract_that(does):
    return HEAD + "".join(f"        {line}\n" for line in does.split("\n"))


@pytest.fixture
def contract(chain):
    """Write a contract; its constructor does nothing, so nothing is deployed."""

    def write(source):
        chain.write_contract(source)
        return chain

    return write


def post(call, value=0, on="finalized"):
    return {"PostMessage": {"address": OTHER, "calldata": call, "value": value, "on": on}}


def deployed(call, value=0, on="finalized", salt=0):
    return {"DeployContract": {"calldata": call, "code": b"x", "value": value, "on": on, "salt_nonce": salt}}


def eth_send(data, value=0):
    return {"EthSend": {"address": OTHER, "calldata": data, "value": value}}


TRANSFER = evm.MethodEncoder("transfer", (Address, u256), bool).encode_call((OTHER, 5))

REQUESTS = [
    ("gl.get_contract_at(OTHER).emit().ping()", post({"method": "ping"})),
    ("gl.get_contract_at(OTHER).emit()._value()", post({"method": "_value"})),
    ("gl.get_contract_at(OTHER).emit().f(1, b='x')", post({"method": "f", "args": [1], "kwargs": {"b": "x"}})),
    ("gl.get_contract_at(OTHER).emit(value=u256(7), on='accepted').f()", post({"method": "f"}, 7, "accepted")),
    ("gl.get_contract_at(OTHER).emit_transfer(value=3)", post({}, 3)),
    ("gl.get_contract_at(OTHER).emit_transfer(value=3, on='accepted')", post({}, 3, "accepted")),
    ("Token(OTHER).emit().transfer(OTHER, 5)", post({"method": "transfer", "args": [OTHER, 5]})),
    ("gl.deploy_contract(code=b'x')", deployed({})),
    ("gl.deploy_contract(code=b'x', args=[1], kwargs={'a': 2})", deployed({"args": [1], "kwargs": {"a": 2}})),
    ("gl.deploy_contract(code=bytearray(b'x'), salt_nonce=9, value=2, on='accepted')", deployed({}, 2, "accepted", 9)),
    ("gl.deploy_contract(code=b'x', salt=u256(9))", deployed({}, salt=9)),
    ("ERC20(OTHER).emit().transfer(OTHER, 5)", eth_send(TRANSFER)),
    ("ERC20(OTHER).emit(value=8).transfer(OTHER, u256(5))", eth_send(TRANSFER, 8)),
    ("ERC20(OTHER).emit_transfer(value=8, on='finalized')", eth_send(b"", 8)),
]  # fmt: skip


@pytest.mark.parametrize(("does", "request_"), REQUESTS)
def test_requests(contract, does, request_):
    """One request each, with exactly these fields; what is empty is left out of the call."""
    ended = contract(contract_that(does)).call("do")
    assert ended.exit_code == 0, ended.stderr
    assert ended.requests == [request_, {"Return": None}]


ANSWERED = [
    ("gl.get_contract_at(OTHER).view().f()", {"method": "f"}, 2),
    ("Token(OTHER).view().balance_of(OTHER)", {"method": "balance_of", "args": [OTHER]}, 2),
    ("gl.get_contract_at(OTHER).view(state=StorageType.LATEST_FINAL).f(x=1)", {"method": "f", "kwargs": {"x": 1}}, 1),
    ("gl.get_contract_at(OTHER).view(state=StorageType.DEFAULT).f()", {"method": "f"}, 0),
    ("gl.get_contract_at(OTHER).view().f.lazy().get()", {"method": "f"}, 2),
]  # fmt: skip
OUTCOMES = [
    (b"\0" + calldata.encode({"a": [1]}), {"a": [1]}),
    (b"\1" + "no züge".encode(), ["UserError", "no züge"]),
]


@pytest.mark.parametrize(("answer", "result"), OUTCOMES)
@pytest.mark.parametrize(("does", "call", "state"), ANSWERED)
def test_view_calls(contract, does, call, state, answer, result):
    """The answer of the other contract, or its user error, which can be caught."""
    chain = contract(
        "from genlayer.py.public_abi import StorageType\n"
        + contract_that(
            f"try: return {does}\nexcept gl.vm.UserError as error: return ['UserError', error.message]"
        )
    )
    request = {"CallContract": {"address": OTHER, "calldata": call, "state": state}}
    chain.answers = {calldata.encode(request).hex(): answer.hex()}
    ended = chain.call("do")
    assert ended.exit_code == 0, ended.stderr
    assert ended.requests == [request, {"Return": result}]


def test_a_user_error_that_nobody_catches_goes_on(contract):
    """The caller ends with the error of the callee."""
    chain = contract(contract_that("gl.get_contract_at(OTHER).view().f()"))
    request = {"CallContract": {"address": OTHER, "calldata": {"method": "f"}, "state": 2}}
    chain.answers = {calldata.encode(request).hex(): b"\1stop".hex()}
    assert chain.call("do").rolled_back == "stop"


def test_lazy_calls_go_out_at_once(contract):
    """Both requests are sent before the first answer is read; an answer is read once."""
    chain = contract(
        contract_that(
            "a = gl.get_contract_at(OTHER).view().a.lazy()\n"
            "b = ERC20(OTHER).view().balance_of.lazy(OTHER)\n"
            "gl.get_contract_at(OTHER).emit().between()\n"
            "return [b.get(), a.get(), a.get() is a.get()]"
        )
    )
    view = {"CallContract": {"address": OTHER, "calldata": {"method": "a"}, "state": 2}}
    asked = {
        "EthCall": {
            "address": OTHER,
            "calldata": evm.selector_of("balance_of", (Address,)) + evm.encode(Address, OTHER),
        }
    }
    chain.answers = {
        calldata.encode(view).hex(): (b"\0" + calldata.encode([1])).hex(),
        calldata.encode(asked).hex(): evm.encode(u256, 2**255).hex(),
    }
    ended = chain.call("do")
    assert ended.requests == [view, asked, post({"method": "between"}), {"Return": [2**255, [1], True]}]


def test_evm_results(contract):
    """A tuple of results is decoded; bytes that are no result end the contract with a clear text."""
    chain = contract(contract_that("return ERC20(OTHER).view().pair()"))
    request = {"EthCall": {"address": OTHER, "calldata": evm.selector_of("pair()")}}
    pair = evm.encode(tuple[evm.InplaceTuple, u256, str], (5, "five"))
    chain.answers = {calldata.encode(request).hex(): pair.hex()}
    assert chain.call("do").returned == [5, "five"]
    chain.answers = {calldata.encode(request).hex(): ""}
    assert "ValueError: the data ends at byte 0" in chain.call("do").stderr


@given(st.binary(min_size=20, max_size=20), st.integers(1, 2**256 - 1))
def test_addresses_are_those_of_the_node(deployer, salt):
    """The SDK and the node compute them apart, with different Keccaks; and as the executor's documents say."""
    assert create2_address(Address(deployer), salt, 61999).as_bytes == new_address(deployer, salt)
    known = create2_address(Address(b"\x01" + bytes(19)), 1, 0)
    assert known.as_hex == "0xf539Cb83f077Cd01BDd1a4E002866dCC0D15D633"


def test_deployed_addresses(contract):
    """None without a salt; else the address that sender, salt and chain give."""
    ended = contract(
        contract_that(
            "return [gl.deploy_contract(code=b'x'), gl.deploy_contract(code=b'x', salt_nonce=u256(1)), "
            "gl.deploy_contract(code=b'x', salt=2)]"
        )
    ).call("do")
    addresses = [create2_address(CONTRACT, salt, 61999) for salt in (1, 2)]
    assert ended.returned == [None, *addresses]


def test_proxies(contract):
    """Address and balance of both kinds; they print, copy and compare as any object."""
    chain = contract(
        contract_that(
            "import copy\n"
            "a, b = gl.get_contract_at(OTHER), ERC20(OTHER)\n"
            "copies = [copy.deepcopy(x).address for x in (a, b)]\n"
            "copy.copy(a.view()); copy.copy(b.view()); copy.copy(b.emit())\n"
            "return [a.address, b.address, a.balance, b.balance, self.balance, repr(a), repr(b), copies]"
        )
    )
    chain.balances = {OTHER.as_bytes.hex(): 2**200, "": 3}
    own = chain.call("do")
    assert own.exit_code == 0, own.stderr
    assert own.returned == [
        OTHER, OTHER, 2**200, 2**200, 3,
        f"<contract at {OTHER.as_hex}>", f"<ERC20 at {OTHER.as_hex}>", [OTHER, OTHER],
    ]  # fmt: skip


MISTAKES = [
    ("gl.get_contract_at(OTHER.as_hex)", "TypeError: gl.get_contract_at takes an Address, not str, write Address('0x"),
    ("gl.get_contract_at(5)", "TypeError: gl.get_contract_at takes an Address, not int"),
    ("gl.get_contract_at(None)", "takes an Address, not NoneType"),
    ("Token(OTHER.as_bytes)", "takes an Address, not bytes"),
    ("ERC20('0x')", "TypeError: ERC20 takes an Address, not str"),
    ("gl.get_contract_at(OTHER).emit_transfer(value=0)", "ValueError: emit_transfer sends coins"),
    ("gl.get_contract_at(OTHER).emit_transfer(value=-1)", "ValueError: value is -1"),
    ("gl.get_contract_at(OTHER).emit_transfer()", "missing 1 required keyword-only argument: 'value'"),
    ("gl.get_contract_at(OTHER).emit(value=2**256)", "ValueError: value is 1157"),
    ("gl.get_contract_at(OTHER).emit(value=1.5)", "TypeError: value is an integer, not float"),
    ("gl.get_contract_at(OTHER).emit(on='later')", "ValueError: on is 'later', not one of 'accepted', 'finalized'"),
    ("gl.get_contract_at(OTHER).view(state=7)", "7 is not a valid StorageType"),
    ("gl.get_contract_at(OTHER).view().__secret__()", "AttributeError: '__secret__' is no method"),
    ("gl.get_contract_at(OTHER).view().f(1.5)", "TypeError: calldata has no form for float"),
    ("gl.deploy_contract(code='x')", "TypeError: code is bytes: write code=source.encode()"),
    ("gl.deploy_contract(code=b'x', salt=1, salt_nonce=1)", "two names of one number"),
    ("gl.deploy_contract(code=b'x', salt_nonce=-1)", "ValueError: salt_nonce is -1"),
    ("gl.deploy_contract(code=b'x', salt=2**256)", "ValueError: salt is 1157"),
    ("ERC20(OTHER).emit(on='accepted')", "once this one is finalized"),
    ("ERC20(OTHER).emit_transfer(value=-1)", "ValueError: value is -1"),
    ("ERC20(OTHER).view().transfer(OTHER, 5)", "ERC20.View declares no method 'transfer', but Write does"),
    ("ERC20(OTHER).emit().nothing()", "ERC20.Write declares no method 'nothing'"),
    ("ERC20(OTHER).emit().transfer(OTHER)", "missing a required argument: 'amount'"),
    ("ERC20(OTHER).emit().transfer(OTHER, -1)", "uint256 can't hold -1"),
    ("ERC20(OTHER).emit().transfer(OTHER, -1)", "in a call of transfer(address,uint256)"),
]  # fmt: skip


@pytest.mark.parametrize(("does", "told"), MISTAKES)
def test_mistakes(contract, does, told):
    """They are told before anything is asked of the host."""
    ended = contract(contract_that(does)).call("do")
    assert ended.exit_code == 1
    assert told in ended.stderr
    assert not ended.requests


DECLARATIONS = [
    ("class View: pass", "`Iface` has no class `Write`"),
    ("class Write: pass", "`Iface` has no class `View`"),
    ("class View:\n  def f(a) -> u8: ...", "first parameter must be `self`"),
    ("class View:\n  def f(self, a) -> u8: ...", "`a` has no type"),
    ("class View:\n  def f(self): ...", "annotate the result"),
    ("class View:\n  def f(self, a: u8 = 1) -> u8: ...", "`a` has a default"),
    ("class View:\n  def f(self, *a: u8) -> u8: ...", "`*a: genlayer.py.types.u8` is not allowed"),
    ("class View:\n  def f(self, *, a: u8) -> u8: ...", "is not allowed"),
    ("class View:\n  def f(self, a: int) -> u8: ...", "Ethereum has no type for int: say how wide"),
    ("class View:\n  def f(self, a: 'Nope') -> u8: ...", "name 'Nope' is not defined"),
    ("class View:\n  def f(self) -> 'float': ...", "Ethereum has no fractions"),
]


@pytest.mark.parametrize(("declaration", "told"), DECLARATIONS)
def test_bad_declarations(chain, declaration, told):
    """An interface that could not work is refused when the contract is imported, and the method is named."""
    body = declaration.replace("\n", "\n  ")
    other = "" if "no class" in told else "\n  class Write: pass"
    chain.write_contract(
        f"from genlayer import *\n@gl.evm.contract_interface\nclass Iface:\n  {body}{other}\n"
    )
    ended = chain.deploy()
    assert ended.exit_code == 1
    assert told in ended.stderr
    if "no class" not in told:
        assert "in the declaration of `Iface.View.f`" in ended.stderr


def test_declarations_that_work(contract):
    """With or without `/`, by name, with annotations as text, inherited, private names; Write needs no result."""
    chain = contract(
        "from __future__ import annotations\n"
        "from genlayer import *\nimport genlayer.gl as gl2\nfrom genlayer.py.evm import contract_interface\n"
        "assert gl2.evm.contract_interface is contract_interface\n"
        "class Base:\n    def inherited(self, a: u8): ...\n"
        "@contract_interface\nclass Iface:\n"
        "    class View: ...\n"
        "    class Write(Base):\n        def _own(self, a: list[u8], b: gl.evm.bytes4, /): ...\n"
        "class C(gl.Contract):\n    @gl.public.write\n    def do(self):\n"
        "        Iface(gl.message.sender_address).emit().inherited(a=1)\n"
        "        Iface(gl.message.sender_address).emit()._own([1], b'abcd')\n"
    )
    ended = chain.call("do")
    assert ended.exit_code == 0, ended.stderr
    assert [request["EthSend"]["calldata"][:4].hex() for request in ended.requests[:2]] == [
        evm.selector_of("inherited(uint8)").hex(),
        evm.selector_of("_own(uint8[],bytes4)").hex(),
    ]


@pytest.mark.parametrize(
    "does",
    [
        "gl.get_contract_at(OTHER).emit_transfer(value=9)",
        "gl.deploy_contract(code=b'x', value=9)",
        "ERC20(OTHER).emit_transfer(value=9)",
    ],
)
def test_more_than_there_is(contract, does):
    """The text is the network's, a line below it says what it means."""
    chain = contract(contract_that(does))
    chain.errno = {"5": 7}
    ended = chain.call("do")
    assert ended.exit_code == 1
    assert "SystemError: 7: inbalance\nthe value is more than this contract owns" in ended.stderr
