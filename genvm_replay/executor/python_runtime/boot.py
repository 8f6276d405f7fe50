"""Booting the interpreter once, so that no transaction has to: makes the images that VMs start from.

The SDK image holds CPython with the SDK imported. A contract image goes on from there and holds the contract's module
too, which is right only as long as importing it does not depend on the transaction: an import that touches the message,
the clock, storage, a stream or any other request makes the contract start from the SDK image instead.
"""

from __future__ import annotations

import wasmtime

from ...errors import EnvironmentProblem, GuestFault
from ...journal.events import OK, Answer, AnyRequest, ReadClock, ReadRandom, WasiCall, WriteStream
from ...journal.run import Message
from ..contract import Contract
from ..effects import Effects
from ..guest import Guest
from ..instance import Instance, Program
from ..memory_budget import MemoryBudget
from ..random_stream import RandomStream
from ..rights import NO_RIGHTS, RunState
from ..runners.archive import Archive
from ..stops import GuestStop
from ..vm_plan import VmPlan
from ..wasip1.descriptors import Descriptors
from ..wasip1.files import Directory
from .images import Image, ImageFacts, freeze
from .prepare import PreparedRuntime

BOOT_SOURCE = b"""
import sys
sys.path.insert(0, '/py/libs')  # while the SDK is imported: what it brings goes before what the interpreter came with
import _genlayer_runner
sys.path.append(sys.path.pop(0))
_genlayer_runner.prepare_sdk()
"""
BOOT_CLOCK_NS = 0
BOOT_MEMORY_BYTES = 1 << 30
NOBODY = Message(bytes(20), bytes(20), bytes(20), "0", 0, False, "1970-01-01T00:00:00Z")


class Unusable(Exception):
    """The contract's import depends on the transaction, or failed: no image can be made of it."""


class TooSlow(Unusable):
    """The import was stopped from outside: says nothing about the contract, so it is not remembered."""


class BootDoor:
    """The door while CPython and the SDK start: a fixed clock, the fixed random stream, nothing else to reach."""

    def __init__(self) -> None:
        self._random = RandomStream()
        self.output = bytearray()

    def perform(self, request: AnyRequest) -> Answer:
        """Answer what a start needs."""
        match request:
            case WasiCall():
                return OK
            case ReadRandom(position=position, length=length):
                return Answer(0, self._random.read(position, length))
            case ReadClock():
                return Answer(0, BOOT_CLOCK_NS)
            case WriteStream(data=data):
                self.output += data
                return OK
            case _:
                raise EnvironmentProblem(f"the SDK asks for {type(request).__name__} while it is imported")

    def line(self, name: str) -> Effects:
        """There is one."""
        raise EnvironmentProblem(f"the SDK opens the line {name} while it is imported")


class ImportDoor(BootDoor):
    """The door while a contract is imported: anything that could differ between transactions ends the attempt."""

    def perform(self, request: AnyRequest) -> Answer:
        """Answer what does not depend on the transaction."""
        match request:
            case WasiCall(name=name, args=(0, *_)) if name.startswith("fd_"):
                raise Unusable("it reads the message")
            case WasiCall() | ReadRandom():
                return super().perform(request)
            case _:
                raise Unusable(f"it asks for {type(request).__name__}")


def boot_sdk(prepared: PreparedRuntime, program: Program, files: Directory) -> tuple[ImageFacts, bytes]:
    """Start CPython, import the SDK, take the snapshot.

    Raises:
        EnvironmentProblem: it did not come up; the text has what it printed.
    """
    door = BootDoor()
    instance = Instance(program, _guest(door, files, BOOT_MEMORY_BYTES))
    try:
        instance.allow()
        for segment in prepared.segments:
            instance.guest.memory.write(segment.offset, segment.data)
        instance.call(b"_initialize")
        source = instance.call(b"host_alloc", len(BOOT_SOURCE))
        instance.guest.memory.write(source, BOOT_SOURCE)
        failed = instance.call(b"turn", source, len(BOOT_SOURCE))
        points = instance.guest.entry_points
        if failed or points is None or door.output:
            raise EnvironmentProblem(
                f"the SDK does not start: {door.output.decode(errors='replace') or failed}"
            )
        return freeze(instance, *points)
    except (GuestStop, GuestFault, wasmtime.Trap) as error:
        text = door.output.decode(errors="replace")
        raise EnvironmentProblem(f"the Python runtime does not start: {error}\n{text}") from error
    finally:
        instance.close()


def boot_contract(
    sdk: Image, program: Program, files: Directory, memory_bytes: int
) -> tuple[ImageFacts, bytes]:
    """Go on from the SDK image: import /contract.py, take the snapshot.

    Raises:
        Unusable: the import failed or depends on the transaction, or (TooSlow) was stopped from outside.
    """
    instance = sdk.restore(program, _guest(ImportDoor(), files, memory_bytes))
    try:
        if not instance.call(b"PyObject_CallNoArgs", sdk.facts.prepare_contract):
            raise Unusable("importing it fails")
        return freeze(instance, sdk.facts.main, sdk.facts.prepare_contract)
    except wasmtime.Trap as trap:
        stopped = trap.trap_code is wasmtime.TrapCode.INTERRUPT
        raise TooSlow("it takes too long") if stopped else Unusable(f"importing it fails: {trap}") from trap
    except (GuestStop, GuestFault) as error:
        raise Unusable(f"importing it fails: {error}") from error
    finally:
        instance.close()


def main_thread(image: Image, program: Program, files: Directory) -> int:
    """Address of the interpreter's thread state: the same in every guest, as it is a static object of CPython's."""
    instance = image.restore(program, _guest(BootDoor(), files, BOOT_MEMORY_BYTES))
    try:
        instance.allow()
        return instance.call(b"PyThreadState_GetUnchecked")
    finally:
        instance.close()


def _guest(door: Effects, files: Directory, memory_bytes: int) -> Guest:
    return Guest(
        plan=VmPlan(
            contract=Contract((0, 0, 0), Archive({}, 0)),
            message=NOBODY,
            rights=NO_RIGHTS,
            run=RunState(),
            effects=door,
        ),
        descriptors=Descriptors.standard(files, b"", MemoryBudget(memory_bytes)),
        args=("py",),
        booting=True,
    )
