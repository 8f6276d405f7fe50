"""Ready-made rules of agreement in the real VM (sdk.md section 6.4)."""

import itertools

import pytest

from genvm_replay import calldata

from .block_runs import contract

FREE = 2**53 - 1

STRICT = contract(
    "return gl.eq_principle.strict_eq(lambda: gl.nondet.web.render('http://a'))",
    """
def f():
    if (page := gl.nondet.web.render("http://a")) == "down":
        raise gl.vm.UserError("server is down")
    return (page, {"b": 1, "a": None})
try:
    return gl.eq_principle.strict_eq.lazy(f).get()
except gl.vm.UserError as error:
    return error.message
""",
    "return gl.eq_principle.strict_eq(lambda: exit(len(gl.nondet.web.render('http://a'))))",
)


def pages(bench, *texts):
    """Let each request see the next of these pages."""
    left = itertools.cycle(texts)
    bench.modules.web = lambda _: {"Ok": {"text": next(left)}}


@pytest.mark.parametrize(
    ("method", "leaders", "mine", "value", "agrees"),
    [
        ("run0", "x", "x", "x", True),
        ("run0", "x", "y", "x", False),
        ("run1", "x", "x", ["x", {"a": None, "b": 1}], True),
        ("run1", "down", "down", "server is down", True),
        ("run1", "down", "x", "server is down", False),
        ("run1", "x", "down", ["x", {"a": None, "b": 1}], False),
        ("run2", "12", "34", None, True),
        ("run2", "12", "345", None, False),
    ],
)
def test_strict_eq(bench, method, leaders, mine, value, agrees):
    """The same value or the same error agrees, after both went through calldata."""
    pages(bench, leaders, mine)
    led, judged = bench.validate(STRICT, method)
    assert judged.agrees is agrees
    if value is None:
        assert led.failure == judged.failure == ("vm_error", "exit_code 2")
    else:
        assert led.value == judged.value == value


def template(name, **fields):
    return {"PromptTemplate": {"payload": {"template": name, **fields}, "remaining_fuel_as_gen": FREE}}


COMPARATIVE = contract(
    "return gl.eq_principle.prompt_comparative(lambda: gl.nondet.web.render('http://a'), 'about the same')",
    "return gl.eq_principle.prompt_comparative(lambda: {'n': [1, 2]}, principle='about the same')",
    """
def f():
    raise gl.vm.UserError(gl.nondet.web.render("http://a"))
try:
    return gl.eq_principle.prompt_comparative(f, "same")
except gl.vm.UserError as error:
    return error.message
""",
    "return gl.eq_principle.prompt_comparative(lambda: 1, 5)",
    "return gl.eq_principle.prompt_comparative('text', 'same')",
)


@pytest.mark.parametrize("verdict", [True, False])
def test_prompt_comparative(bench, verdict):
    """A model compares both results, as text."""
    pages(bench, "one", "two")
    bench.modules.llm = lambda _: {"Ok": {"data": verdict, "consumed_gen": 1}}
    led, judged = bench.validate(COMPARATIVE, "run0")
    assert (led.value, judged.value, judged.agrees) == ("one", "one", verdict)
    asked = template("EqComparative", leader_answer="one", validator_answer="two", principle="about the same")
    assert [what for what in judged.heard if "PromptTemplate" in what] == [asked]
    assert len(led.heard) == 1
    _, judged = bench.validate(COMPARATIVE, "run1")
    shown = "{'n': [1, 2]}"
    asked = template("EqComparative", leader_answer=shown, validator_answer=shown, principle="about the same")
    assert judged.heard == [asked]


@pytest.mark.parametrize(("mine", "agrees"), [("a", True), ("b", False)])
def test_prompt_comparative_of_errors(bench, mine, agrees):
    """Errors agree as in run_nondet; no model is asked."""
    pages(bench, "a", mine)
    led, judged = bench.validate(COMPARATIVE, "run2")
    assert (led.value, judged.agrees) == ("a", agrees)
    assert not any("PromptTemplate" in what for what in judged.heard)


TASK = "task='sum up', criteria='short'"
NON_COMPARATIVE = contract(
    f"return gl.eq_principle.prompt_non_comparative(lambda: gl.nondet.web.render('http://a'), {TASK})",
    f"return gl.eq_principle.prompt_non_comparative(input='a page', {TASK})",
    f"return gl.eq_principle.prompt_non_comparative('a page', {TASK})",
    f"return gl.eq_principle.prompt_non_comparative(lambda: 5, {TASK})",
    f"return gl.eq_principle.prompt_non_comparative(5, {TASK})",
    "return gl.eq_principle.prompt_non_comparative('a', task=1, criteria='c')",
)


@pytest.mark.parametrize("method", ["run0", "run1", "run2"])
@pytest.mark.parametrize("verdict", [True, False])
def test_prompt_non_comparative(bench, method, verdict):
    """The leader's model does the task, the validator's judges; the input is text or a function that gives it."""
    pages(bench, "a page")

    def model(asked):
        made = asked["PromptTemplate"]["payload"]["template"] == "EqNonComparativeLeader"
        return {"Ok": {"data": "a summary" if made else verdict, "consumed_gen": 1}}

    bench.modules.llm = model
    led, judged = bench.validate(NON_COMPARATIVE, method)
    assert (led.value, judged.value, judged.agrees) == ("a summary", "a summary", verdict)
    fields = {"task": "sum up", "criteria": "short", "input": "a page"}
    assert led.heard[-1] == template("EqNonComparativeLeader", **fields)
    assert judged.heard[-1] == template("EqNonComparativeValidator", output="a summary", **fields)


MISTAKES = [
    (COMPARATIVE, "run3", "`principle` is text, not int 5"),
    (COMPARATIVE, "run4", "`fn` is a function, not str 'text': give the function itself"),
    (NON_COMPARATIVE, "run3", "the function given to prompt_non_comparative returns text, not int 5"),
    (NON_COMPARATIVE, "run4", "`input` is a function, not int 5"),
    (NON_COMPARATIVE, "run5", "`task` is text, not int 1"),
]


@pytest.mark.parametrize(("source", "method", "text"), MISTAKES)
def test_mistakes(bench, source, method, text):
    """They end the transaction with a traceback."""
    ran = bench.run(source, method)
    assert ran.failure == ("vm_error", "exit_code 1")
    assert text in ran.err


def test_a_leader_that_failed_where_we_succeed(bench):
    """A validator whose function gives a value does not agree with an error of the leader's."""
    for source, method in ((COMPARATIVE, "run0"), (NON_COMPARATIVE, "run0"), (STRICT, "run0")):
        judged = bench.run(source, method, leader={0: b"\x01no"})
        assert not judged.agrees
        assert judged.failure == ("user_error", "no")
    assert calldata.decode(bench.run(STRICT, "run0").results[0][1:]) == "page http://a"
