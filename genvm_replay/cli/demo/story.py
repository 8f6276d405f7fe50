"""What happens in the demo: a token ledger is deployed and called. Times are fixed, so ids are the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from genvm_replay.calldata import Address, Value

if TYPE_CHECKING:
    from genvm_replay.replay.local_node import Recorded
    from genvm_replay.replay.workbench import Workbench

CONTRACT: Final = "token_ledger.py"
ALICE, BOB, CAROL = (Address(bytes([letter]) * 20) for letter in b"\xa1\xb0\xca")
NAMES: Final = {ALICE: "alice", BOB: "bob", CAROL: "carol"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A transaction of the story; no method: the deployment."""

    method: str | None
    args: tuple[Value, ...] = ()
    sender: Address = ALICE
    value: int = 0
    view: bool = False
    expected: str = field(default="return")

    def __str__(self) -> str:
        shown = [NAMES[arg] if isinstance(arg, Address) else _shown(arg) for arg in self.args]
        brings = f" with {self.value}" if self.value else ""
        return f"{NAMES[self.sender]}: {self.method or 'deploy'}({', '.join(shown)}){brings}"


STORY: Final = (
    Step(method=None, args=("GOLD", 1000)),
    Step(method="transfer", args=(BOB, 300, "rent")),
    Step(method="mint", sender=CAROL, value=50),
    Step(method="pay_all", args=([BOB, CAROL], 25)),
    Step(method="transfer", args=(ALICE, 5000), sender=BOB, expected="user_error"),
    Step(method="freeze", args=(BOB, True)),
    Step(method="transfer", args=(ALICE, 1), sender=BOB, expected="user_error"),
    Step(method="statement", args=(3,), view=True),
    Step(method="audit", view=True),
)
TAMPERED: Final = 1  # the step whose record is changed in a copy


def contract_code() -> bytes:
    """The token ledger."""
    return files("genvm_replay.cli.demo").joinpath(CONTRACT).read_bytes()


def play(bench: Workbench) -> Iterator[tuple[Step, Recorded]]:
    """Run the story, transaction by transaction."""
    from genvm_replay.replay.local_node import CallOptions, LocalNode

    node = LocalNode(bench)
    contract: Address | None = None
    for minute, step in enumerate(STORY):
        options = CallOptions(
            sender=step.sender, value=step.value, datetime=f"2026-01-01T12:{minute:02d}:00Z"
        )
        if contract is None or step.method is None:
            recorded = node.deploy(contract_code(), step.args, options=options)
            contract = recorded.address
        else:
            recorded = node.call(contract, step.method, step.args, options=options, view=step.view)
        yield step, recorded


def _shown(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(NAMES[item] for item in value)}]"
    return repr(value)
