"""The door that goes along a record: recorded answers while the run asks the same, the world from then on."""

from __future__ import annotations

from genvm_replay.executor.effects import Following
from genvm_replay.journal.events import (
    OK,
    Answer,
    AnyRequest,
    ConsumeResult,
    Event,
    GetBalance,
    GetLeaderNondetResult,
    NotifyNondetDisagreement,
    PostNondetResult,
    ReadClock,
    StorageRead,
    StorageWrite,
    WriteStream,
)

SLOT, ADDRESS = b"s" * 32, b"a" * 20
READ, WRITE = StorageRead(0, ADDRESS, SLOT, 0, 1), StorageWrite(SLOT, 0, b"1")
RECORD = [
    Event(READ, Answer(0, b"r")),
    Event(GetLeaderNondetResult(0), Answer(3)),
    Event(PostNondetResult(0, b"\0"), OK),
    Event(WRITE, Answer(4)),
    Event(WriteStream(1, b"x"), OK),
    Event(ReadClock(0), Answer(0, 9)),
    Event(ConsumeResult(b"\0"), OK),
]
WORLD = Answer(0, b"world")


class World:
    """Answers everything the same way, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[AnyRequest] = []
        self.lines: list[str] = []

    def perform(self, request: AnyRequest) -> Answer:
        self.asked.append(request)
        return WORLD

    def line(self, name: str) -> World:
        self.lines.append(name)
        return self


def test_the_same_way() -> None:
    """Recorded answers, host errors included; the world hears only what it must know, and what is of the role."""
    world = World()
    door = Following(world, RECORD)
    asked = [READ, GetLeaderNondetResult(0), WRITE, WriteStream(1, b"x"), ReadClock(0)]
    asked += [NotifyNondetDisagreement(0), ConsumeResult(b"\0")]
    answers = [door.perform(request) for request in asked]
    assert answers == [Answer(0, b"r"), WORLD, Answer(4), OK, Answer(0, 9), WORLD, OK]
    assert world.asked == [asked[1], WRITE, WriteStream(1, b"x"), NotifyNondetDisagreement(0), asked[-1]]
    assert not door.departed


def test_another_way() -> None:
    """From the first other request on the world answers, also to what the record holds further on."""
    world = World()
    door = Following(world, RECORD)
    assert [door.perform(request) for request in (READ, GetBalance(ADDRESS), WRITE)] == [
        Answer(0, b"r"),
        WORLD,
        WORLD,
    ]
    assert (door.departed, world.asked) == (True, [GetBalance(ADDRESS), WRITE])


def test_past_the_end() -> None:
    """A run that goes on where the record ends has departed."""
    door = Following(World(), RECORD[:1])
    assert [door.perform(READ), door.perform(READ)] == [Answer(0, b"r"), WORLD]
    assert door.departed


def test_blocks_ask_the_world() -> None:
    """Their lines have nothing to do with the record."""
    world = World()
    assert Following(world, RECORD).line("nondet:0").perform(READ) == WORLD
    assert world.lines == ["nondet:0"]
