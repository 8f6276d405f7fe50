"""Which method a message reaches, and how the VM ends (sdk.md sections 4.2, 4.3)."""

import pytest

SOURCE = """
from genlayer import *

class C(gl.Contract):
    x: u256
    def __init__(self, start: int = 5):
        self.x = u256(start)
    @gl.public.view
    def get(self): return self.x
    @gl.public.write
    def add(self, by: int, *, twice: bool = False): self.x += by * (2 if twice else 1)
    @gl.public.write.payable
    def pay(self): return gl.message.value
    def hidden(self): pass
    @gl.private
    def secret(self): pass
    @gl.public.write
    def fail(self, how):
        match how:
            case 'user': raise gl.vm.UserError('no way')
            case 'alias': raise gl.UserError('alias')
            case 'exception': raise ValueError('bad')
            case 'exit0': exit(0)
            case 'exit7': exit(7)
            case 'exit_text': exit('goodbye')
            case 'recursion': return self.fail(how)
            case 'memory': raise MemoryError
            case 'interrupt': raise KeyboardInterrupt
            case 'float': return 1.5
            case 'immediate':
                try: gl.advanced.user_error_immediate('at once')
                finally: print('finally')
            case 'not_text': raise gl.vm.UserError(1)
"""
HANDLERS = """
    @gl.public.write.payable
    def __receive__(self): return ['receive', gl.message.value]
    @gl.public.write
    def __handle_undefined_method__(self, name, args, kwargs): return ['undefined', name, args, kwargs]
    @gl.public.write
    def __on_errored_message__(self): return 'errored'
"""

REFUSED = [
    ({"method": "hidden"}, 0, "not public"),
    ({"method": "secret"}, 0, "not public"),
    ({"method": "add", "args": [1]}, 1, "payable"),
    ({"method": "get"}, 1, "payable"),
    ({"method": "x"}, 0, "not public"),
    ({"method": "balance"}, 0, "not public"),
    ({"method": "__init__"}, 0, "reserved"),
    ({"method": "__on_errored_message__"}, 0, "reserved"),
    ({"method": "#other"}, 0, "reserved"),
    ({"method": "absent"}, 0, "no method 'absent'"),
    ({}, 0, "names no method"),
    ({}, 5, "names no method"),
]


@pytest.mark.parametrize(("call", "value", "reason"), REFUSED)
def test_refused(contract, call, value, reason):
    """A call that no method takes fails with a reason and changes nothing."""
    ended = contract(SOURCE).send(call, value=value)
    assert ended.exit_code == 1
    assert ended.stderr.startswith("ValueError: "), "no frame of the runner is shown"
    assert reason in ended.stderr
    assert not ended.writes
    assert not ended.requests


ACCEPTED = [
    ({"method": "get"}, 0, 5),
    ({"method": "pay"}, 7, 7),
    ({"method": "pay"}, 0, 0),
    ({}, 0, ["receive", 0]),
    ({"method": ""}, 9, ["receive", 9]),
    ({"method": "absent", "args": [1], "kwargs": {"a": 2}}, 0, ["undefined", "absent", [1], {"a": 2}]),
    ({"method": "#error"}, 3, "errored"),
    ({"method": "absent", "other": 1}, 0, ["undefined", "absent", [], {}]),
]


@pytest.mark.parametrize(("call", "value", "returned"), ACCEPTED)
def test_accepted(contract, call, value, returned):
    """A call reaches its method or the handler for it."""
    assert contract(SOURCE + HANDLERS).send(call, value=value).returned == returned


def test_undefined_handler_takes_plain_calls(contract):
    """Without `__receive__`, a call that names no method goes to the other handler, unless value forbids it."""
    handlers = HANDLERS.split("    @gl.public.write\n")
    chain = contract(SOURCE + "    @gl.public.write\n" + handlers[1])
    assert chain.send({"args": [1]}).returned == ["undefined", "", [1], {}]
    ended = chain.send({}, value=1)
    assert ended.exit_code == 1
    assert "`__receive__` is abstract" in ended.stderr or "`__receive__` is not public" in ended.stderr
    assert "__handle_undefined_method__" in ended.stderr


def test_arguments(contract):
    """args and kwargs reach the method."""
    chain = contract(SOURCE, 100)
    assert chain.send({"method": "add", "args": [3], "kwargs": {"twice": True}}).returned is None
    assert chain.call("get").returned == 106


OUTCOMES = [
    ("user", 0, "no way", ""),
    ("alias", 0, "alias", ""),
    ("immediate", 0, "at once", ""),
    ("exception", 1, None, "ValueError: bad"),
    ("exit0", 0, None, ""),
    ("exit7", 7, None, ""),
    ("exit_text", 1, None, "goodbye"),
    ("recursion", 1, None, "RecursionError"),
    ("memory", 1, None, "MemoryError"),
    ("interrupt", 1, None, "KeyboardInterrupt"),
    ("float", 1, None, "calldata has no form for float"),
]


@pytest.mark.parametrize(("how", "exit_code", "rollback", "stderr"), OUTCOMES)
def test_outcome(contract, how, exit_code, rollback, stderr):
    """Return, Rollback or an exit code, as the contract ended."""
    ended = contract(SOURCE).call("fail", how)
    assert ended.exit_code == exit_code
    assert ended.requests == ([{"Rollback": rollback}] if rollback else [])
    assert stderr in ended.stderr
    assert "_genlayer_runner" not in ended.stderr
    assert "finally" not in ended.stdout


def test_traceback_begins_in_the_contract(contract):
    """The first frame is the author's."""
    lines = contract(SOURCE).call("fail", "exception").stderr.splitlines()
    assert lines[0].startswith("Traceback")
    assert "contract.py" in lines[1]
    assert lines[1].endswith("in fail")


IMPORTS = [
    ("raise ValueError('at import')", "ValueError: at import"),
    ("import genlayer.gl as gl\nraise gl.vm.UserError('at import')", "UserError(message='at import')"),
    ("x = 1", "defines no class"),
    ("def f(:", "SyntaxError"),
    (
        "from genlayer import *\nclass A(gl.Contract): ...\nclass B(gl.Contract): ...",
        "`contract.B` comes after",
    ),
    (
        "from genlayer import *\nclass C(gl.Contract):\n    @gl.public.write\n    def __init__(self): ...",
        "`C.__init__` is public",
    ),
]


@pytest.mark.parametrize(("source", "stderr"), IMPORTS)
def test_bad_contract(chain, source, stderr):
    """A contract that cannot be imported fails with exit code 1, even if the exception is a UserError."""
    chain.write_contract(source)
    ended = chain.deploy()
    assert ended.exit_code == 1
    assert not ended.requests
    assert stderr in ended.stderr
    assert "importlib" not in ended.stderr


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x05", b"\x06\x06"])
def test_bad_entry_data(contract, data):
    """entry_data that is not one map of calldata is an error."""
    ended = contract(SOURCE).send({}, entry_data=data)
    assert ended.exit_code == 1
    assert "Error" in ended.stderr


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"method": None}, "method of a call is NoneType, not str"),
        ({"method": "get", "args": "abc"}, "args of a call is str, not list"),
        ({"args": {"a": 1}}, "args of a call is dict, not list"),
        ({"method": "get", "kwargs": [1]}, "kwargs of a call is list, not dict"),
    ],
)
def test_bad_call(contract, call, told):
    """What is no call object is refused by what it is."""
    ended = contract(SOURCE).send(call)
    assert ended.exit_code == 1
    assert f"TypeError: {told}" in ended.stderr


def test_unknown_entry_kind(contract):
    """Kinds of VM that are not there yet are refused by name."""
    ended = contract(SOURCE).send({}, entry_kind=9)
    assert ended.exit_code == 1
    assert "entry kind 9" in ended.stderr


def test_the_message_of_a_user_error_is_text(contract):
    """Any other makes the VM fail, and the traceback has the line that raised it."""
    ended = contract(SOURCE).call("fail", "not_text")
    assert ended.exit_code == 1
    assert not any("Rollback" in request for request in ended.requests)
    assert "in fail" in ended.stderr
    assert "write UserError(str(...))" in ended.stderr


def test_contract_without_constructor(chain):
    """It deploys, and its schema has an empty constructor."""
    chain.write_contract("from genlayer import *\nclass C(gl.Contract):\n    x: u8\n")
    assert chain.deploy().returned is None
    assert chain.call("#get-schema").returned == '{"ctor":{"params":[],"kwparams":{}},"methods":{}}'
    assert "takes" in chain.deploy(1).stderr


def test_atexit_and_output_come_before_the_end(contract):
    """Hooks run and output is flushed before Return."""
    chain = contract(
        "from genlayer import *\nimport atexit, sys\nclass C(gl.Contract):\n"
        "    @gl.public.write\n"
        "    def f(self):\n"
        "        atexit.register(lambda: print('hook'))\n"
        "        print('a', end='')\n"
        "        sys.stderr.write('b')\n"
    )
    ended = chain.call("f")
    assert (ended.stdout, ended.stderr) == ("ahook\n", "b")
    assert ended.returned is None


def test_abc_mixin(contract):
    """A contract may inherit from an abstract class."""
    chain = contract(
        "from genlayer import *\nimport abc\n"
        "class Mixin(abc.ABC):\n    y: u8\n    @abc.abstractmethod\n    def f(self): ...\n"
        "class C(gl.Contract, Mixin):\n    x: u8\n    @gl.public.view\n    def f(self): return [self.x, self.y]\n"
    )
    assert chain.call("f").returned == [0, 0]
