"""A node in one database: deploys contracts, calls them, commits what they change together with the record of the run.

Optimistic: state is read while the transaction runs, and the commit finds out whether somebody else has changed it
since; then the transaction runs again on the new state. The node mints what a transaction brings along as value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import msgspec
from blake3 import blake3

from .. import calldata
from ..calldata import Address, CalldataError, Value
from ..calldata.types import keccak256
from ..errors import EnvironmentProblem, UsageError
from ..executor.effects import Live, Recording, Streams
from ..executor.engine import Build
from ..executor.moment import clock_ns, format_datetime, parse_datetime
from ..executor.storage_slots import CODE_SLOT
from ..executor.transaction import RunReport
from ..host_bridge.local_host import LocalHost, Outgoing
from ..journal.delta import StateConflict
from ..journal.events import DeployContract, PostEvent, PostMessage, StorageWrite
from ..journal.run import Limits, Message, RunHeader
from .local_modules import Asking, reached_modules
from .state_change import StateRead, change, failed_change
from .workbench import Workbench, footer_of

CHAIN_ID: Final = "61999"  # what local networks of GenLayer use
DEFAULT_SENDER: Final = Address(keccak256(b"genvm-replay: default sender")[:20])
MEMORY_BYTES: Final = 0xFFFF_FFFF  # spec/executor.md 8.1
DEADLINE_MS: Final = 60_000
ALL_RIGHTS, VIEW_RIGHTS = "rwscn", "rcn"
ATTEMPTS_MAX: Final = 20
VALUE_MAX: Final = 2**64 - 1  # spec/executor.md 1.5
TX_DOMAIN: Final = b"genvm-replay/tx/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """How a transaction is sent.

    Attributes:
        origin: who sent the first transaction of a row, the sender of which is a contract; None: the sender.
        datetime: the transaction's time, RFC 3339; None: now.
        fuel: instruction budget; the run then uses the FUEL build.
        deadline_ms: wall-clock limit; None: no limit.
        modules: where nondeterministic blocks find the web and the models: name of a module -> `ws://host:port`.
        asking: how they are asked.
    """

    sender: Address = DEFAULT_SENDER
    origin: Address | None = None
    value: int = 0
    datetime: str | None = None
    fuel: int | None = None
    deadline_ms: int | None = DEADLINE_MS
    memory_bytes: int = MEMORY_BYTES
    modules: Mapping[str, str] = field(default_factory=dict)
    asking: Asking = field(default_factory=Asking)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A transaction that was run and recorded.

    Attributes:
        messages: what it sent, in this order; nothing if it failed.
        emitted: its events; none if it failed or was a view.
    """

    tx: bytes
    run_id: int
    root: bytes
    message: Message
    report: RunReport
    options: CallOptions
    messages: tuple[Outgoing, ...] = ()
    emitted: tuple[PostEvent, ...] = ()
    streams: Streams = field(default_factory=Streams)
    event_count: int
    stored_bytes: int

    @property
    def address(self) -> Address:
        """The contract."""
        return Address(self.message.contract_address)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A transaction on its way."""

    contract: bytes
    calldata: bytes
    method: str | None
    options: CallOptions
    code: bytes | None = None  # to be deployed
    view: bool = False


class LocalNode:
    """Sends transactions to the contracts of one database."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def deploy(
        self,
        code: bytes,
        args: Sequence[Value] = (),
        kwargs: Mapping[str, Value] | None = None,
        options: CallOptions | None = None,
    ) -> Recorded:
        """Deploy a contract and run its constructor. Nothing stays of a contract whose constructor fails.

        Raises:
            UsageError: an option makes no sense. EnvironmentProblem: database or runtime are not in order.
        """
        options = options or CallOptions()
        call = call_object(None, args, kwargs or {})
        return self._send(
            lambda nonce: _Plan(
                contract=new_address(options.sender.raw, nonce + 1),
                calldata=call,
                method=None,
                options=options,
                code=code,
            ),
            options,
        )

    def call(
        self,
        address: Address,
        method: str,
        args: Sequence[Value] = (),
        kwargs: Mapping[str, Value] | None = None,
        options: CallOptions | None = None,
        *,
        view: bool = False,
    ) -> Recorded:
        """Call a method of a contract.

        Args:
            view: without the rights to write and to send; nothing is changed.

        Raises:
            UsageError: there is no such contract here.
        """
        options = options or CallOptions()
        call = call_object(method, args, kwargs or {})
        plan = _Plan(contract=address.raw, calldata=call, method=method, options=options, view=view)
        return self._send(lambda _nonce: plan, options)

    def deliver(self, sent: PostMessage | DeployContract, parent: Recorded, number: int) -> Recorded:
        """Carry out what a transaction sent: a transaction of the sending contract, at the time of the parent.

        Args:
            number: which of the messages of `parent` it is.

        Raises:
            UsageError: there is no such contract here, or one already, or the value is more than 64 bits.
        """
        sender, value = parent.message.contract_address, int.from_bytes(sent.value, "little")
        if value > VALUE_MAX:
            raise UsageError(f"a transaction brings along at most 2**64 - 1 coins, the message has {value}")
        options = replace(
            parent.options,
            sender=Address(sender),
            origin=Address(parent.message.origin_address),
            value=value,
            datetime=parent.message.datetime,
        )
        if isinstance(sent, PostMessage):
            contract, code = sent.address, None
        else:
            # Without a salt the address is the node's choice: one that no explicit salt will hit.
            chosen = blake3(parent.tx + number.to_bytes(8, "big")).digest()
            salt = int.from_bytes(sent.salt_nonce, "little") or int.from_bytes(chosen, "big")
            contract, code = new_address(sender, salt), sent.code
        method = None if code is not None else method_of(sent.calldata)
        plan = _Plan(contract=contract, calldata=sent.calldata, method=method, options=options, code=code)
        return self._send(lambda _nonce: plan, options)

    def _send(self, plan_for: Callable[[int], _Plan], options: CallOptions) -> Recorded:
        state, sender = self._bench.store.state, options.sender.raw
        moment = parse_datetime(options.datetime) if options.datetime else datetime.now(UTC)
        for _ in range(ATTEMPTS_MAX):
            plan = plan_for(state.account(sender).nonce)
            try:
                with ExitStack() as recording:
                    return self._attempt(plan, format_datetime(moment), recording)
            except StateConflict:
                continue  # somebody else was quicker: run again on what is there now
        raise EnvironmentProblem(
            f"other processes changed the state {ATTEMPTS_MAX} times while this transaction ran; try again"
        )

    def _attempt(self, plan: _Plan, moment: str, recording: ExitStack) -> Recorded:
        """Run a transaction on the state of this moment, and commit; `recording` gives up what is not committed."""
        store, options = self._bench.store, plan.options
        streams = Streams()
        with store.state.snapshot():
            read = StateRead(store.state)
            sender = read.account(options.sender.raw)
            host = LocalHost(read, plan.contract, plan.calldata, options.value)
            is_there = store.state.contract_version(plan.contract) is not None
            if plan.code is not None:
                if is_there:
                    raise UsageError(f"there is a contract at {Address(plan.contract)} already")
                store_code(host, plan.code)
            elif not is_there:
                raise UsageError(
                    f"no contract at {Address(plan.contract)} in {store.name}: "
                    "`deploy` prints the address of a new one"
                )
            header = self._header(plan, moment, sender.nonce)
            recorder = recording.enter_context(store.begin_run(header))
            build = Build.EPOCH if options.fuel is None else Build.FUEL
            with reached_modules(options.modules, header.tx, options.asking) as modules:
                moment_ns, note = clock_ns(header.message), recorder.note_attempts
                live = Live(host, moment_ns, streams, modules, note_attempts=note)
                report = self._bench.execute(header, Recording(live, recorder), build, cancel=modules.cancel)
            if modules.failure and not report.outcome.interrupted:
                raise modules.failure
            returned = report.outcome.kind == "return"
            delta = None
            if not plan.view:
                delta = (
                    change(header.message, host, read) if returned else failed_change(header.message, read)
                )
        finished = recorder.finish(footer_of(report))
        run_id = store.commit(
            finished,
            state=delta,
            expected_versions=read.versions,
            expected_accounts=read.accounts,
            method=plan.method,
        )
        return Recorded(
            tx=header.tx,
            run_id=run_id,
            root=finished.root,
            message=header.message,
            report=report,
            options=options,
            messages=tuple(host.messages) if returned else (),
            emitted=tuple(host.events) if returned and not plan.view else (),
            streams=streams,
            event_count=finished.event_count,
            stored_bytes=finished.stored_bytes,
        )

    def _header(self, plan: _Plan, moment: str, nonce: int) -> RunHeader:
        options = plan.options
        message = Message(
            contract_address=plan.contract,
            sender_address=options.sender.raw,
            origin_address=(options.origin or options.sender).raw,
            chain_id=CHAIN_ID,
            value=options.value,
            is_init=plan.code is not None,
            datetime=moment,
        )
        return RunHeader(
            tx=transaction_id(message, nonce, plan.calldata, plan.view),
            role="leader",
            parent=None,
            message=message,
            permissions=VIEW_RIGHTS if plan.view else ALL_RIGHTS,
            pins=self._bench.runtime.pins,
            limits=Limits(options.memory_bytes, options.fuel, options.deadline_ms),
        )


def call_object(method: str | None, args: Sequence[Value], kwargs: Mapping[str, Value]) -> bytes:
    """The calldata of a call (spec/executor.md 3.4): what is empty is left out."""
    parts: dict[str, Value] = {"method": method, "args": args, "kwargs": kwargs}
    return calldata.encode({key: value for key, value in parts.items() if value})


def method_of(call: bytes) -> str:
    """The method that a call names; empty for one that names none."""
    try:
        decoded = calldata.decode(call)
    except CalldataError:
        return ""
    method = decoded.get("method") if isinstance(decoded, Mapping) else None
    return method if isinstance(method, str) else ""


def new_address(deployer: bytes, salt: int) -> bytes:
    """The address of a contract deployed with this salt (spec/executor.md 5.5)."""
    seed = b"\x01" + deployer + salt.to_bytes(32, "big") + int(CHAIN_ID).to_bytes(32, "big")
    return keccak256(seed)[:20]


def store_code(host: LocalHost, code: bytes) -> None:
    """Write a contract's code into its storage, as a node does before a deployment (spec/executor.md 5.6)."""
    host.storage_write(StorageWrite(CODE_SLOT, 0, len(code).to_bytes(4, "little")))
    host.storage_write(StorageWrite(CODE_SLOT, 4, code))


def transaction_id(message: Message, nonce: int, call: bytes, view: bool) -> bytes:
    """A transaction's id: a hash of what was sent and of how many the sender had sent before."""
    return blake3(TX_DOMAIN + msgspec.msgpack.encode([message, nonce, call, view])).digest()
