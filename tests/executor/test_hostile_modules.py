"""Modules that answer nonsense to a real contract: a user error is data, all else ends the run as an internal error.

What is expected stands in spec/executor.md 1.7 and 4.2. Each run is recorded and replayed on the other engine, where no
module can be asked.
"""

from __future__ import annotations

from typing import Any

import pytest
from host_bridge.module_server import GUARD_S, Says, answering, serving
from websockets.sync.server import ServerConnection

from genvm_replay import calldata
from genvm_replay.calldata import Value
from genvm_replay.executor.guest_thread import GuestThread
from genvm_replay.host_bridge.module_client import ModuleClient
from genvm_replay.journal.events import ConsumeFuel, Event, ModuleCall

from .talking import Talk
from .test_sub_vms import Ran, nondet, run

OK = b"\x00"
PROMPT: Value = {"ExecPrompt": {"prompt": "?", "images": []}}
WEB: Value = {"WebRequest": {"method": "GET", "url": "http://x", "headers": {}}}
RENDER: Value = {"WebRender": {"mode": "text", "url": "http://x"}}
TEMPLATES: dict[str, Value] = {
    name: {"ExecPromptTemplate": {"template": name, **dict.fromkeys(fields, "")}}
    for name, fields in (
        ("EqComparative", ("leader_answer", "validator_answer", "principle")),
        ("EqNonComparativeLeader", ("task", "criteria", "input")),
        ("EqNonComparativeValidator", ("task", "criteria", "input", "output")),
    )
}
EXACT = 2**53 - 1
NEVER_UTF8 = 2**64 - 1  # as calldata: bytes that no text has


def data(value: Value, consumed: Value = 7) -> Value:
    return {"Ok": {"data": value, "consumed_gen": consumed}}


def response(**changes: Value) -> Value:
    return {"Ok": {"response": {"status": 200, "headers": {"a": b"b"}, "body": b"x", **changes}}}


# message of the guest, what the module says, what the guest reads
GOOD: list[tuple[Value, Value, Value]] = [
    (PROMPT, data("yes"), {"ok": "yes"}),
    (PROMPT, data({"a": [1]}), {"ok": {"a": [1]}}),
    (PROMPT, data(False, 0), {"ok": False}),
    (PROMPT, data("", NEVER_UTF8), {"ok": ""}),
    (TEMPLATES["EqComparative"], data(True), {"ok": True}),
    (TEMPLATES["EqNonComparativeLeader"], data("t"), {"ok": "t"}),
    (TEMPLATES["EqNonComparativeValidator"], data(False), {"ok": False}),
    (PROMPT, {"UserError": {"causes": ["x"], "ctx": {"n": EXACT}}}, {"error": {"causes": ["x"], "ctx": {"n": EXACT}}}),
    (WEB, {"UserError": None}, {"error": None}),
    (WEB, {"UserError": [-EXACT, True]}, {"error": [-EXACT, True]}),
    (WEB, response(), {"ok": {"response": {"status": 200, "headers": {"a": b"b"}, "body": b"x"}}}),
    (WEB, response(status=65535, headers={}, body=b""), {"ok": {"response": {"status": 65535, "headers": {}, "body": b""}}}),
    (RENDER, {"Ok": {"text": "t"}}, {"ok": {"text": "t"}}),
    (RENDER, {"Ok": {"image": b"png"}}, {"ok": {"image": b"png"}}),
]  # fmt: skip


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text frames"])
def test_answers(thread: GuestThread, text: bool) -> None:
    """All of them in one block, over one connection a module."""
    llm = [calldata.encode(answer) for asked, answer, _ in GOOD if asked not in (WEB, RENDER)]
    web = [calldata.encode(answer) for asked, answer, _ in GOOD if asked in (WEB, RENDER)]
    with serving(in_turn(llm, text=text)) as one, serving(in_turn(web, text=text)) as other:
        ran = asked(thread, *(message for message, _, _ in GOOD), llm=one.address, web=other.address)
    assert ran.out == b"".join(OK + calldata.encode(read) for _, _, read in GOOD) + OK + b"\x00\x00"
    spent = [e.request.fuel for e in ran.lines()["nondet:0"] if isinstance(e.request, ConsumeFuel)]
    assert spent == [7, 7, 0, NEVER_UTF8, 7, 7, 7]


def in_turn(answers: list[bytes], *, text: bool) -> Says:
    """An answer a request."""

    def says(connection: ServerConnection) -> None:
        for answer in answers:
            connection.send(answer, text=text)
            connection.recv()

    return says


def asked(thread: GuestThread, *messages: Value, **addresses: str) -> Ran:
    """A leader's block that says the messages; its run is recorded and replayed."""
    modules = ModuleClient(addresses, {"cookie": "c"}, answer_timeout_s=GUARD_S, answer_bytes_max=1 << 20)
    ran = run(thread, Talk([nondet()], stage=messages), modules=modules)
    modules.cancel()
    modules.finish()
    return ran


@pytest.fixture(scope="module")
def thread() -> GuestThread:
    return GuestThread()


MALFORMED: dict[str, tuple[Value, bytes]] = {
    "nothing": (PROMPT, b""),
    "no calldata": (PROMPT, b"\x07"),
    "cut": (PROMPT, calldata.encode(data("yes"))[:-1]),
    "trailing bytes": (PROMPT, calldata.encode(data("yes")) + b"\x00"),
    "deep": (WEB, b"\x0d" * 100_000),
    "longer than it is": (WEB, b"\xfc\xff\xff\xff\x0f"),
} | {
    f"{number}: {said!r}"[:60]: (message, calldata.encode(said))
    for number, (message, said) in enumerate(
        [
            (PROMPT, None),
            (PROMPT, "Ok"),
            (PROMPT, {}),
            (PROMPT, {"Okay": 1}),
            (PROMPT, {"Ok": {"data": "a", "consumed_gen": 1}, "UserError": 1}),
            (PROMPT, {"FatalError": "out of order"}),
            (PROMPT, {"FatalError": 1}),
            (WEB, {"FatalError": "out of order"}),
            (PROMPT, {"Ok": None}),
            (PROMPT, {"Ok": {"consumed_gen": 1}}),
            (PROMPT, {"Ok": {"data": "a"}}),
            (PROMPT, data("a", -1)),
            (PROMPT, data("a", 2**64)),
            (PROMPT, data("a", "1")),
            (PROMPT, data("a", True)),
            (PROMPT, data(None)),
            (PROMPT, data(1)),
            (PROMPT, data([])),
            (PROMPT, data(b"")),
            (TEMPLATES["EqComparative"], data("true")),
            (TEMPLATES["EqNonComparativeLeader"], data(True)),
            (TEMPLATES["EqNonComparativeValidator"], data("true")),
            (PROMPT, {"UserError": EXACT + 1}),
            (WEB, {"UserError": -EXACT - 1}),
            (WEB, {"UserError": {"ctx": {"list": [1, {"n": 2**2_000}]}}}),
            (WEB, {"Ok": None}),
            (WEB, {"Ok": "text"}),
            (WEB, {"Ok": {}}),
            (WEB, {"Ok": {"text": b"t"}}),
            (WEB, {"Ok": {"image": "png"}}),
            (WEB, {"Ok": {"page": "t"}}),
            (WEB, {"Ok": {"text": "t", "image": b""}}),
            (WEB, {"Ok": {"response": b""}}),
            (WEB, {"Ok": {"response": {"status": 200, "headers": {}}}}),
            (WEB, response(status=-1)),
            (WEB, response(status=65536)),
            (WEB, response(status="200")),
            (WEB, response(headers={"a": "b"})),
            (WEB, response(headers=[])),
            (WEB, response(body="x")),
        ]
    )
}


def ended_internally(ran: Ran) -> list[Event]:
    """Check that the run is an internal error and that nobody saw an answer; gives the module's events."""
    kind: Any = ran.report.outcome.kind
    assert (kind, ran.out) == ("internal_error", b"")
    assert ran.report.outcome.wire_payload()[:1] == b"\x02"
    return [event for event in ran.lines()["nondet:0"] if isinstance(event.request, ModuleCall)]


@pytest.mark.parametrize("why", MALFORMED)
def test_malformed_answers(thread: GuestThread, why: str) -> None:
    """The whole run ends as an internal error; the answer stands in the journal as it came."""
    message, said = MALFORMED[why]
    with serving(answering(said)) as module:
        [event] = ended_internally(asked(thread, message, llm=module.address, web=module.address))
    assert (event.answer.error, event.answer.value) == (0, said)


BROKEN: dict[str, Says] = {
    "closes right after the hello": lambda connection: connection.close(),
    "closes inside a message": lambda connection: connection.socket.sendall(b"\x02\x05hello\x88\x00"),
    "too large": answering(bytes((1 << 20) + 1)),
}


def failed(event: Event) -> bool:
    """Whether the journal says that the module failed: an answer of ours in its stead."""
    assert isinstance(event.answer.value, bytes)
    answer = calldata.decode(event.answer.value)
    return isinstance(answer, dict) and list(answer) == ["FatalError"]


@pytest.mark.parametrize("why", BROKEN)
def test_broken_conversations(thread: GuestThread, why: str) -> None:
    """An internal error as well; the journal says that the module failed, so a replay ends alike."""
    with serving(BROKEN[why]) as module:
        [event] = ended_internally(asked(thread, PROMPT, llm=module.address))
        assert module.is_left()
    assert failed(event)


def test_no_module(thread: GuestThread) -> None:
    """None configured, or nobody there."""
    for addresses in ({}, {"llm": "ws://127.0.0.1:1"}):
        [event] = ended_internally(asked(thread, PROMPT, **addresses))
        assert failed(event)
