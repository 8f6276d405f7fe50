"""Sandboxes and nondeterministic blocks in the real VM (sdk.md sections 1.8, 5.4, 6.4)."""

import pytest

from genvm_replay import calldata
from genvm_replay.executor.engine import Build
from genvm_replay.executor.python_runtime.runtime import PythonRuntime

from .block_runs import contract, rows

RETURN, USER_ERROR, VM_ERROR = b"\x00", b"\x01", b"\x02"


ENDS = [
    ("return {'a': [1, 'x', b'y']}", "Return(calldata={'a': [1, 'x', b'y']})"),
    ("return (1, 2)", "Return(calldata=[1, 2])"),
    ("pass", "Return(calldata=None)"),
    ("raise gl.vm.UserError('no')", "UserError(message='no')"),
    ("raise gl.UserError(message='kw')", "UserError(message='kw')"),
    ("gl.advanced.user_error_immediate('now')", "UserError(message='now')"),
    ("raise ValueError('bug')", "VMError(message='exit_code 1')"),
    ("return 1.5", "VMError(message='exit_code 1')"),
    ("exit(7)", "VMError(message='exit_code 7')"),
    ("exit(0)", "Return(calldata=None)"),
]


ALL_ENDS = contract(*(f"def f():\n    {body}\nreturn str(gl.vm.spawn_sandbox(f))" for body, _ in ENDS))


@pytest.mark.parametrize(("method", "ends"), rows(ENDS, 1))
def test_a_sandbox_ends(bench, method, ends):
    """However the function ends, the caller goes on and gets a Result."""
    assert bench.run(ALL_ENDS, method).value == ends


def test_a_sandbox_has_memory_of_its_own(bench):
    """What it changes in captured objects and in the module does not show outside."""
    source = contract(
        """
seen = [1]
def f():
    seen.append(2)
    counts.append(1)
    return [seen, counts]
first, second = (gl.vm.unpack_result(gl.vm.spawn_sandbox(f)) for _ in range(2))
return [first, second, seen, counts]
""",
        before="counts = [0]",
    )
    assert bench.run(source).value == [[[1, 2], [0, 1]], [[1, 2], [0, 1]], [1], [0]]


WRITES = "def f():\n    self.n = u32(5)\ngl.vm.spawn_sandbox(f{})\nreturn self.n"
RIGHTS = contract(
    WRITES.format(", allow_write_ops=True"),
    WRITES.format(""),
    "return str(gl.vm.spawn_sandbox(lambda: self.n))",
    "return str(gl.vm.spawn_sandbox(lambda: gl.eq_principle.strict_eq(lambda: 1)))",
)


def test_what_a_sandbox_may(bench):
    """Writing only where it was allowed, reading never; the traceback says what to do."""
    assert bench.run(RIGHTS, "run0").value == 5
    ran = bench.run(RIGHTS, "run1")
    assert ran.value == 0
    assert "SystemError: 6: forbidden\nstorage can't be written in" in ran.err
    ran = bench.run(RIGHTS, "run2")
    assert ran.value == "VMError(message='exit_code 1')"
    assert "SystemError: 6: forbidden\nstorage can't be read in a nondeterministic block" in ran.err
    assert "can't be started inside another one, nor in a sandbox" in bench.run(RIGHTS, "run3").err


def test_sandboxes_nest(bench):
    """A sandbox may start others."""
    source = contract(
        """
def deep(n):
    return n if n == 0 else 1 + gl.vm.unpack_result(gl.vm.spawn_sandbox(lambda: deep(n - 1)))
return deep(5)
"""
    )
    assert bench.run(source).value == 5


def test_the_lazy_form(bench):
    """The sandbox runs at once, its result is read when it is wanted; an error is raised as often as it is asked for."""
    source = contract(
        """
def f():
    print("inside")
    return 1
lazy = gl.vm.spawn_sandbox.lazy(f)
print("outside")
def g():
    raise gl.vm.UserError("again")
block = gl.vm.run_nondet_unsafe.lazy(g, lambda _: True)
caught = []
for _ in range(2):
    try:
        block.get()
    except gl.vm.UserError as error:
        caught.append(error.message)
return [isinstance(lazy, gl.Lazy), str(lazy.get()), caught]
"""
    )
    ran = bench.run(source)
    assert ran.value == [True, "Return(calldata=1)", ["again", "again"]]
    assert ran.out == "inside\noutside\n"


def test_unpacking(bench):
    """A VM error becomes a user error with its message."""
    source = contract("return gl.vm.unpack_result(gl.vm.spawn_sandbox(lambda: exit(3)))")
    assert bench.run(source).failure == ("user_error", "vm error: exit_code 3")


COUNTING = """
def leader():
    return 7
def validator(res):
    {body}
return gl.vm.{function}(leader, validator)
"""
VOTES = [
    ("return True", True),
    ("return False", False),
    ("return isinstance(res, gl.vm.Return) and res.calldata == leader()", True),
    ("return res.calldata == 8", False),
    ("return 1", False),
    ("return None", False),
    ("raise gl.vm.UserError('x')", False),
    ("raise ValueError('x')", False),
    ("exit(0)", False),
]


BY_FUNCTION = {
    function: contract(*(COUNTING.format(body=body, function=function) for body, _ in VOTES))
    for function in ("run_nondet_unsafe", "run_nondet")
}


@pytest.mark.parametrize("function", BY_FUNCTION)
@pytest.mark.parametrize(("method", "agrees"), rows(VOTES, 1))
def test_votes(bench, function, method, agrees):
    """Only True agrees; the contract goes on with the leader's value either way."""
    led, judged = bench.validate(BY_FUNCTION[function], method)
    assert (led.value, led.results) == (7, {0: RETURN + calldata.encode(7)})
    assert (judged.value, judged.agrees) == (7, agrees)


@pytest.mark.parametrize(("method", "shown"), [("run4", "int 1"), ("run5", "NoneType None")])
def test_a_vote_that_is_none(bench, method, shown):
    """The traceback says who returned what."""
    judged = bench.run(BY_FUNCTION["run_nondet_unsafe"], method, leader={0: RETURN + calldata.encode(7)})
    assert f"`C.{method}.<locals>.validator` returned {shown}; return True to agree" in judged.err


ERRORS = [  # what the leader's function does, what the validator's does, whether run_nondet agrees
    ("raise gl.vm.UserError('a')", "raise gl.vm.UserError('a')", True),
    ("raise gl.vm.UserError('a')", "raise gl.vm.UserError('b')", False),
    ("raise gl.vm.UserError('a')", "return True", False),
    ("raise gl.vm.UserError('a')", "exit(1)", False),
    ("exit(1)", "exit(1)", True),
    ("exit(1)", "raise ValueError('any')", True),
    ("exit(1)", "exit(2)", False),
    ("exit(1)", "raise gl.vm.UserError('a')", False),
    ("exit(1)", "return True", False),
    ("return 1", "return True", True),
    ("return 1", "raise gl.vm.UserError('a')", False),
]


FAILING = """
def leader():
    {}
def validator(res):
    {}
try:
    return gl.vm.run_nondet(leader, validator)
except gl.vm.UserError as error:
    return error.message
"""
ALL_ERRORS = contract(*(FAILING.format(leads, judges) for leads, judges, _ in ERRORS))


@pytest.mark.parametrize(("method", "leads", "agrees"), rows(ERRORS, 0, 2))
def test_errors_that_agree(bench, method, leads, agrees):
    """A leader's failure is agreed with by failing in the same way."""
    led, judged = bench.validate(ALL_ERRORS, method)
    assert judged.agrees is agrees
    assert judged.report.outcome == led.report.outcome
    if "exit" in leads:
        assert led.failure == ("vm_error", "exit_code 1")


COMPARING = """
def leader():
    {}
def validator(res):
    {}
def compare(leaders, mine):
    print(leaders, mine)
    return leaders.message[:4] == mine.message[:4]
try:
    gl.vm.run_nondet(leader, validator, compare_{}_errors=compare)
except gl.vm.UserError:
    pass
"""
COMPARED = contract(
    COMPARING.format("raise gl.vm.UserError('http 1')", "raise gl.vm.UserError('http 2')", "user"),
    COMPARING.format("exit(2)", "exit(3)", "vm"),
)


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("run0", "UserError(message='http 1') UserError(message='http 2')\n"),
        ("run1", "VMError(message='exit_code 2') VMError(message='exit_code 3')\n"),
    ],
)
def test_comparing_errors(bench, method, shown):
    """The author's functions get the leader's error first."""
    _, judged = bench.validate(COMPARED, method)
    assert (judged.agrees, judged.out) == (True, shown)


def test_sync_takes_the_result(bench):
    """Nothing of the block is run."""
    source = contract(COUNTING.format(body="print('judging')", function="run_nondet"))
    ran = bench.run(source, leader={0: RETURN + calldata.encode(9)}, sync=True)
    assert (ran.value, ran.out, set(ran.lines())) == (9, "", {"main"})


def test_several_blocks(bench):
    """Each has its line; the first that a validator disagrees with is told."""
    source = contract(
        """
found = []
for i in range(4):
    found.append(gl.vm.run_nondet_unsafe(lambda: i * i, lambda res: i != 2))
return found
"""
    )
    led, judged = bench.validate(source)
    assert led.value == judged.value == [0, 1, 4, 9]
    assert set(led.lines()) == {"main", *(f"nondet:{i}" for i in range(4))}
    assert judged.report.disagreement == 2


IN_A_BLOCK = "gl.vm.run_nondet_unsafe(lambda: {}, lambda r: True)"
FORBIDDEN = [
    ("gl.nondet.web.get('http://a')", "gl.nondet works inside nondeterministic blocks only"),
    ("gl.nondet.exec_prompt('a')", "gl.nondet works inside nondeterministic blocks only"),
    (IN_A_BLOCK.format("self.n"), "storage can't be read"),
    (IN_A_BLOCK.format("self.m['a']"), "storage can't be read"),
    (IN_A_BLOCK.format("self.m.update(a=u32(1))"), "storage can't be"),
    (IN_A_BLOCK.format("setattr(self, 'n', 1)"), "storage can't be written"),
    (IN_A_BLOCK.format("self.balance"), "the contract's balance can't be asked"),
    (IN_A_BLOCK.format("gl.eq_principle.strict_eq(lambda: 1)"), "call the functions of the inner one"),
    (IN_A_BLOCK.format("gl.advanced.emit_raw_event([], {})"), "do it after the block, with its result"),
]
ALL_FORBIDDEN = contract(*(body for body, _ in FORBIDDEN))


@pytest.mark.parametrize(("method", "hint"), rows(FORBIDDEN, 1))
def test_what_is_forbidden_where(bench, method, hint):
    """The traceback ends with what to do instead."""
    ran = bench.run(ALL_FORBIDDEN, method)
    assert ran.failure == ("vm_error", "exit_code 1")
    assert 'File "/contract.py", line' in ran.err
    assert hint in ran.err.split("SystemError: 6: forbidden\n")[1]


MISTAKES = [
    ("gl.vm.run_nondet_unsafe(7, lambda r: True)", "`leader_fn` is a function, not int 7"),
    ("gl.vm.run_nondet_unsafe(lambda: 1, True)", "`validator_fn` is a function, not bool True"),
    ("gl.vm.run_nondet(lambda: 1, lambda r: 1, compare_vm_errors=3)", "`compare_vm_errors` is a function"),
    ("gl.vm.spawn_sandbox('x')", "`fn` is a function, not str 'x'"),
    (
        IN_A_BLOCK.format("{'a': [1.5]}"),
        "TypeError: calldata has no form for float (1.5): scale it to an integer or send str(value)\n"
        "returned by `C.run4.<locals>.<lambda>` (/contract.py:",
    ),
    ("return 1.5", "returned by `C.run5` (/contract.py:"),
    (
        IN_A_BLOCK.format("{1, 2}"),
        "TypeError: calldata has no form for set ({1, 2}): send sorted(value)\nreturned by",
    ),
    (IN_A_BLOCK.format("object()"), "TypeError: calldata has no form for object"),
    ("def f():\n    raise gl.vm.UserError(5)\ngl.vm.run_nondet_unsafe(f, f)", "write UserError(str(...))"),
    ("gl.vm.run_nondet_unsafe(lambda a: a, lambda r: True)", "missing 1 required positional argument: 'a'"),
]
ALL_MISTAKES = contract(*(body for body, _ in MISTAKES))


@pytest.mark.parametrize(("method", "text"), rows(MISTAKES, 1))
def test_mistakes(bench, method, text):
    """A traceback with the reason."""
    ran = bench.run(ALL_MISTAKES, method)
    assert ran.failure == ("vm_error", "exit_code 1")
    assert text in ran.err


def test_a_validator_that_takes_the_value(bench):
    """It gets a Result: using that as a number fails, with a hint."""
    source = contract("return gl.vm.run_nondet_unsafe(lambda: 5, lambda leaders: abs(leaders - 5) < 2)")
    led, judged = bench.validate(source)
    assert (led.value, judged.agrees) == (5, False)
    assert "the leader's value is in its `.calldata`" in judged.err


EVERYTHING = contract(
    """
total = 0
def ask(prompt):
    return len(gl.nondet.exec_prompt(prompt)) + len(gl.nondet.web.render("http://a"))
def leader():
    import random
    draws.append(random.random())
    print("leading", len(draws))
    return ask(f"how many {total}?")
def validator(res):
    return isinstance(res, gl.vm.Return) and res.calldata == ask("?")
total += gl.vm.run_nondet(leader, validator)
total += gl.eq_principle.strict_eq(lambda: ask("again"))
local = gl.storage.copy_to_memory(self.m)
total += gl.vm.unpack_result(gl.vm.spawn_sandbox(lambda: len(local)))
self.n = u32(total)
return total
""",
    before="draws = []",
)


def test_every_build_gives_the_same(bench):
    """Leader and validator, replayed on the fast, the fuel and the interpreting build."""
    builds = (Build.FAST, Build.FUEL, Build.PULLEY)
    led = bench.run(EVERYTHING, builds=builds)
    judged = bench.run(EVERYTHING, leader=led.results, builds=builds)
    assert led.value == judged.value == 2 * (len("yes") + len("page http://a"))
    assert judged.agrees


def test_sub_vms_start_as_the_main_vm_did(bench):
    """A record made where the contract could not be imported ahead replays where it can."""

    class Slow(PythonRuntime):
        def _contract_image(self, *_):
            return None

    slow = Slow(bench.cache)
    fast, bench.runtime = bench.runtime, slow
    try:
        led = bench.run(EVERYTHING)
    finally:
        bench.runtime = fast
    assert led.report.image == "sdk"
    bench.replay(led.finished, Build.FAST)
