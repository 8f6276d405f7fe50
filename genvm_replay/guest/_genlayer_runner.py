"""The first Python code in a contract's VM (sdk.md section 4.1).

The host calls `prepare_sdk` and keeps an image of memory; it calls `prepare_contract` in a copy of that and keeps
another image; `main` runs a transaction in a copy of either. So what is imported or computed before `main` is paid
for once, and what `main` itself does is paid for by every transaction. The functions of nondeterministic blocks and
sandboxes are other entry kinds: a row in `_ENTRIES` each.
"""

import atexit
import builtins
import gc
import os
import sys
import typing

import _genlayer_wasi as wasi
import genlayer.gl as gl  # noqa: PLR0402  # `from genlayer import gl` may be the stand-in
from genlayer.gl import contract as contract_registry
from genlayer.gl import eq_principle, nondet  # noqa: F401  # `gl` has them on demand; here they get into the image
from genlayer.gl._internal import closures, dispatch, traceback_report
from genlayer.gl._message import MessageRawType, MessageType, read_message
from genlayer.gl.vm import UserError
from genlayer.py import calldata
from genlayer.py.public_abi import EntryKind

CONTRACT_ROOT: typing.Final = "/"  # where /contract.py or /contract/ is
LIBRARY_ROOT: typing.Final = "/py/libs"  # where the SDK is, and the libraries that a contract names

_RETURN: typing.Final = b"\x0e\x06Return"  # the calldata map of one entry, up to its value

# Runs what a message asks for. Gives the request to the host that ends the VM.
_Entry: typing.TypeAlias = typing.Callable[[MessageRawType], bytes]


def prepare_sdk() -> None:
    """Make the process ready for any contract, and tell the host that an image can be taken."""
    sys.argv[:] = ["py"]
    sys.dont_write_bytecode = True
    for name in ("exit", "quit"):  # module `site`, which defines them, is not always there
        if not hasattr(builtins, name):
            setattr(builtins, name, sys.exit)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if CONTRACT_ROOT not in sys.path:
        sys.path.append(CONTRACT_ROOT)
    sys.path_importer_cache.pop(
        LIBRARY_ROOT, None
    )  # what is there was listed without the libraries of contracts
    gc.collect()
    gc.freeze()
    wasi._image_ready(main, prepare_contract)


def prepare_contract() -> None:
    """Import the contract, for an image that serves its transactions.

    An exception means that there will be no such image: each transaction then imports the contract and reports
    the exception itself. A read of fd 0 means the same, as the message is not there yet.
    """
    gc.disable()  # a collection reads the clock, and an import that reads the clock gives no image
    try:
        import contract  # type: ignore[import-not-found]  # noqa: F401
    finally:
        gc.enable()
    gc.freeze()


def main() -> typing.NoReturn:
    """Run one transaction and end the VM."""
    try:
        last_request = _run()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        wasi.gl_call(last_request)
        raise SystemError("the host came back from the end of the VM")
    except SystemExit as error:
        _exit(traceback_report.exit_code(error))
    except BaseException as error:
        traceback_report.report(error)
        _exit(1)


def _run() -> bytes:
    raw = read_message()
    gl.message_raw = raw
    gl.message = MessageType.of(raw)
    kind = raw["entry_kind"]
    entry = _ENTRIES.get(kind)
    if entry is None:
        raise ValueError(
            f"this SDK cannot start a VM of entry kind {kind}; it knows {list(map(int, _ENTRIES))}"
        )
    return entry(raw)


def _run_method(raw: MessageRawType) -> bytes:
    import contract  # noqa: F401

    cls = contract_registry.registered_contract()
    call = dispatch.read_call(raw["entry_data"])
    root = gl.storage.Root.get()
    if raw["is_init"]:
        root.lock_default()
        method, args, kwargs = dispatch.find_constructor(cls, call)
    else:
        method, args, kwargs = dispatch.find_method(cls, call, raw["value"])
    instance = root.get_contract_instance(cls)
    return _result_of(method, instance, *args, **kwargs)


def _run_sandbox(raw: MessageRawType) -> bytes:
    return _result_of(closures.unpack(raw["entry_data"]))


def _run_stage(raw: MessageRawType) -> bytes:
    stage = closures.unpack(raw["entry_data"])
    return _result_of(stage, raw["entry_stage_data"])


def _result_of(function: typing.Callable[..., typing.Any], *args: typing.Any, **kwargs: typing.Any) -> bytes:
    try:
        result = function(*args, **kwargs)
    except UserError as error:
        if not isinstance(error.message, str):
            error.add_note("the message of a UserError is text: write UserError(str(...))")
            raise
        return calldata.encode({"Rollback": error.message})
    try:
        return _RETURN + calldata.encode(result)
    except Exception as error:
        error.add_note(f"returned by {closures.describe(function)}")
        raise


_ENTRIES: typing.Final[dict[int, _Entry]] = {
    EntryKind.MAIN: _run_method,
    EntryKind.SANDBOX: _run_sandbox,
    EntryKind.CONSENSUS_STAGE: _run_stage,
}


def _exit(code: int) -> typing.NoReturn:
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
