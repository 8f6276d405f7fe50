"""Functions that travel to another VM, with what they capture (sdk.md section 5.5)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .block_runs import contract, rows

WRAPPERS = """
import dataclasses, functools

def call(f):
    return f()

@dataclasses.dataclass
class Keeper:
    f: object
    def run(self):
        return ["keeper", self.f()]

@allow_storage
@dataclasses.dataclass
class Entry:
    name: str
    amounts: TreeMap[str, u256] = None

def in_lambda(f):
    return lambda: ["lambda", f()]

def in_nested(f):
    def outer():
        def inner():
            return ["nested", f()]
        return inner()
    return outer

def in_default(f):
    return lambda g=f, *, tag="default": [tag, g()]

def in_partial(f):
    return functools.partial(call, in_lambda(f))

def in_recursion(f):
    def again(n):
        return f() if n == 0 else [n, again(n - 1)]
    return lambda: again(3)

def in_mutual_recursion(f):
    def even(n):
        return f() if n == 0 else odd(n - 1)
    def odd(n):
        return ["odd", even(n - 1)]
    return lambda: even(4)

def in_local_class(f):
    @dataclasses.dataclass(frozen=True)
    class Local:
        g: object
        def __call__(self):
            return [type(self).__name__, self == dataclasses.replace(self), self.g()]
    return Local(f)

def in_module_class(f):
    return Keeper(f).run

def in_container(f):
    held = {"by": [f, {1, 2, "x"}, (f,)]}
    return lambda: [sorted(map(str, held["by"][1])), held["by"][2][0]()]

def in_record(f):
    entry = gl.storage.inmem_allocate(Entry, "first", gl.storage.inmem_allocate(TreeMap[str, u256]))
    entry.amounts["a"] = u256(2**255)
    copy = gl.storage.copy_to_memory(entry)
    entry.name = "second"
    del entry.amounts["a"]
    return lambda: [copy.name, dict(copy.amounts.items()), entry.name, len(entry.amounts), f()]

def in_sandbox(f):
    return lambda: gl.vm.unpack_result(gl.vm.spawn_sandbox(f))

def in_generator(f):
    def items():
        yield "item"
        yield f()
    return lambda: list(items())

def in_try(f):
    class Stop(gl.vm.UserError):
        pass
    def run():
        try:
            raise Stop("local")
        except Stop as stop:
            return [stop.message, f()]
    return run
"""
NAMES = [
    line.split("(")[0].removeprefix("def ") for line in WRAPPERS.splitlines() if line.startswith("def in_")
]
TRANSPORT = contract(
    """
value, names = args
f = lambda: [value]
for name in names:
    f = globals()[name](f)
here = f()
there = gl.vm.spawn_sandbox(f)
return here, gl.vm.unpack_result(there)
""",
    before=WRAPPERS,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES, names=st.lists(st.sampled_from(NAMES), max_size=5))
def test_transport(bench, value, names):
    """A function gives in a sandbox what it gives here, however it captures; and the run replays to the same bytes."""
    here, there = bench.run(TRANSPORT, "run", value, names).value
    assert here == there


@pytest.mark.parametrize("name", NAMES)
def test_each_way_to_capture(bench, name):
    """Each by itself, around each other."""
    here, there = bench.run(TRANSPORT, "run", name, [name, "in_lambda", name]).value
    assert here == there


CANNOT = [
    ("g = (i for i in [1])\ngl.vm.spawn_sandbox(lambda: list(g))", "it uses `g`, a generator"),
    (
        "f = open('/contract.py', 'rb')\ndef reads():\n    return f.read()\ngl.eq_principle.strict_eq(reads)",
        "`C.run1.<locals>.reads` (/contract.py:",
    ),
    (
        "import threading\nlock = threading.Lock()\ndef inner():\n    return lock\n"
        "gl.vm.run_nondet_unsafe(lambda: inner(), lambda r: True)",
        "`C.run2.<locals>.inner` (/contract.py:",
    ),
    ("gl.eq_principle.strict_eq((i for i in []).send)", "can't be sent to another VM"),
    ("gl.eq_principle.strict_eq(lambda: handle)", "it uses `handle`, a generator"),
]
ALL_CANNOT = contract(*(body for body, _ in CANNOT), before="handle = (i for i in [])\n")


@pytest.mark.parametrize(("method", "text"), rows(CANNOT, 1))
def test_what_cannot_travel(bench, method, text):
    """The error names the function, its line, and the captured variable."""
    ran = bench.run(ALL_CANNOT, method)
    assert ran.failure == ("vm_error", "exit_code 1")
    assert text in ran.err
    assert "can't be sent to another VM" in ran.err


CAPTURED = (
    contract(
        """
def f():
    return self.helper(2)
return gl.vm.unpack_result(gl.vm.spawn_sandbox(f)), gl.vm.unpack_result(gl.vm.spawn_sandbox(f))
""",
        """
entries = self.m
entries["a"] = u32(5)
inside = gl.storage.copy_to_memory(entries)
entries["a"] = u32(6)
return gl.eq_principle.strict_eq(lambda: dict(inside.items()))
""",
        """
return gl.eq_principle.strict_eq(lambda: dict(self.m.items()))
""",
    )
    + """
    def helper(self, by: int) -> int:
        return 2 * by
"""
)


def test_storage_that_is_captured(bench):
    """`self` may travel for its methods, with one warning on the author's line; copies carry their bytes."""
    ran = bench.run(CAPTURED, "run0")
    assert ran.value == [4, 4]
    warnings = [line for line in ran.err.splitlines() if "UserWarning" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("/contract.py:")
    assert "gl.storage.copy_to_memory" in warnings[0]
    ran = bench.run(CAPTURED, "run1")
    assert (ran.value, ran.err) == ({"a": 5}, "")
    ran = bench.run(CAPTURED, "run2")
    assert ran.failure == ("vm_error", "exit_code 1")
    assert "storage can't be read in a nondeterministic block" in ran.err


def test_names_are_looked_up_in_the_other_vm(bench):
    """What the contract's file defines at its top travels by name: the other VM has it as it was at the start."""
    source = contract(
        """
global LIMIT
LIMIT = 9
def nested():
    return LIMIT, read()
return gl.vm.unpack_result(gl.vm.spawn_sandbox(read)), gl.vm.unpack_result(gl.vm.spawn_sandbox(nested))
""",
        before="LIMIT = 3\ndef read():\n    return LIMIT\n",
    )
    assert bench.run(source).value == [3, [9, 3]]


def test_the_pickle_library_is_ours(bench):
    """Not the copy that the interpreter's archive happens to have: only ours is pinned with the SDK."""
    assert bench.run(contract("import cloudpickle\nreturn cloudpickle.__file__")).value.startswith(
        "/py/libs/cloudpickle/"
    )
