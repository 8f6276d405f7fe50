"""Two machines with a wire between them that delays and splits, against a model of three lists."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from genvm_replay.errors import LocalProtocolError, PeerProtocolError
from genvm_replay.host_bridge.session import ExecutorSession, NodeSession, State
from genvm_replay.journal.events import Answer, ConsumeFuel, ConsumeResult, NotifyNondetDisagreement, Request

from .rows import exchanges

SILENT = (ConsumeFuel, NotifyNondetDisagreement)


class Dialogue(RuleBasedStateMachine):
    """The model: what was said and not heard yet, what was heard and not answered yet, whether it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.executor, self.node = ExecutorSession(), NodeSession()
        self.to_node, self.to_executor = bytearray(), bytearray()
        self.unheard: list[tuple[Request, Answer]] = []
        self.heard: list[tuple[Request, Answer]] = []  # one at most
        self.due: list[Answer] = []  # one at most
        self.last: Request | None = None

    def waiting(self) -> bool:
        return self.last is not None and not isinstance(self.last, SILENT)

    @rule(exchange=exchanges)
    def ask(self, exchange: tuple[Request, Answer]) -> None:
        if self.waiting() or self.executor.done:
            with pytest.raises(LocalProtocolError):
                self.executor.send(exchange[0])
            return
        self.to_node += self.executor.send(exchange[0])
        self.unheard.append(exchange)
        self.last = exchange[0]

    @precondition(lambda self: self.to_node)
    @rule(size=st.integers(1, 100))
    def carry_to_node(self, size: int) -> None:
        if self.heard and not isinstance(self.heard[0][0], SILENT):
            raise AssertionError("the executor did not wait")
        self.node.feed(self.to_node[:size])
        del self.to_node[:size]

    @rule()
    def hear(self) -> None:
        if self.heard:
            with pytest.raises(LocalProtocolError):
                self.node.pull()
            return
        request = self.node.pull()
        if request is not None:
            self.heard.append(self.unheard.pop(0))
            assert request == self.heard[0][0]

    @rule(other=exchanges)
    def reply(self, other: tuple[Request, Answer]) -> None:
        if not self.heard:
            with pytest.raises(LocalProtocolError):
                self.node.answer(other[1])
            return
        request, answer = self.heard.pop()
        self.to_executor += self.node.answer(answer)
        if not isinstance(request, SILENT):
            self.due.append(answer)

    @precondition(lambda self: self.to_executor)
    @rule(size=st.integers(1, 100))
    def carry_to_executor(self, size: int) -> None:
        self.executor.feed(self.to_executor[:size])
        del self.to_executor[:size]

    @rule()
    def receive(self) -> None:
        answer = self.executor.pull()
        if answer is not None:
            assert not self.to_executor
            assert answer == self.due.pop()
            if not isinstance(self.last, ConsumeResult):
                self.last = None

    @precondition(lambda self: not self.waiting() and not self.to_node)
    @rule(data=st.binary(min_size=1, max_size=5))
    def host_speaks_out_of_turn(self, data: bytes) -> None:
        """On a copy, so that the dialogue goes on."""
        session = ExecutorSession()
        session.state = self.executor.state
        with pytest.raises(PeerProtocolError):
            session.feed(data)

    @invariant()
    def states_fit(self) -> None:
        assert self.executor.waiting == (self.waiting() and not self.executor.done)
        assert State.BROKEN not in {self.executor.state, self.node.state}
        assert len(self.heard) <= 1
        assert len(self.due) <= 1
        if self.executor.done:
            assert self.node.done
            assert not self.to_node
            assert not self.to_executor


TestDialogue = Dialogue.TestCase
TestDialogue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
