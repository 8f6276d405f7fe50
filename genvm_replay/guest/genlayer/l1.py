"""The names of the first SDK layout, v0.1.0 and before, over the present implementation (sdk.md section 1.13).

Only contracts whose header names a runner of that time get them: the executor puts a package `contract` before such a
contract's file, which calls `run_contract`. Not covered: a `message_raw` that was decoded from JSON.
"""

import functools
import operator
import sys
import typing

import genlayer
import genlayer.gl as gl  # noqa: PLR0402
from genlayer.gl import advanced
from genlayer.gl._message import MessageType
from genlayer.gl.contract import Contract
from genlayer.gl.vm import Return, UserError, VMError

CONTRACT_FILE: typing.Final = "/contract.py"

_ALIASES: typing.Final = {
    "ContractAt": "get_contract_at",
    "eq_principle_prompt_comparative": "eq_principle.prompt_comparative",
    "eq_principle_prompt_non_comparative": "eq_principle.prompt_non_comparative",
    "eq_principle_strict_eq": "eq_principle.strict_eq",
    "eq_principles": "eq_principle",
    "eth": "evm",
    "eth_contract": "evm.contract_interface",
    "exec_prompt": "nondet.exec_prompt",
    "get_webpage": "nondet.web.render",
    "rollback_immediate": "advanced.user_error_immediate",
    "storage_inmem_allocate": "storage.inmem_allocate",
}
"""Old name in `gl` -> where the same is now, below `gl`."""


def run_contract(namespace: dict[str, typing.Any]) -> None:
    """Give the old names, then run the contract's file as the module `contract`."""
    install()
    namespace["__file__"] = CONTRACT_FILE
    with open(CONTRACT_FILE, "rb") as file:
        source = file.read()
    exec(compile(source, CONTRACT_FILE, "exec"), namespace)


def install() -> None:
    """Add the old names to the modules of this process."""
    absent = gl.__getattr__

    def find(name: str) -> typing.Any:
        if name in _ALIASES:
            return functools.reduce(getattr, _ALIASES[name].split("."), gl)
        return absent(name)

    old: dict[str, typing.Any] = {"Rollback": UserError, "contract": contract}
    vars(gl).update(old, __getattr__=find)
    vars(advanced).update(
        ContractError=VMError,
        ContractReturn=Return,
        rollback_immediate=advanced.user_error_immediate,
        run_nondet=_run_nondet,
        sandbox=_sandbox,
    )
    vars(genlayer).update(Rollback=UserError, __all__=(*genlayer.__all__, "Rollback"))
    sys.modules["genlayer.std"] = vars(genlayer)["std"] = gl
    for cls, name, now in _ATTRIBUTES:
        setattr(cls, name, property(operator.attrgetter(now)))


_ATTRIBUTES: typing.Final[tuple[tuple[type, str, str], ...]] = (
    (UserError, "msg", "message"),
    (VMError, "data", "message"),
    (Return, "data", "calldata"),
    (MessageType, "contract_account", "contract_address"),
    (MessageType, "sender_account", "sender_address"),
)


def contract(cls: type) -> type:
    """`@gl.contract`: make a contract of a class without a base."""
    body = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls)(cls.__name__, (cls, Contract), body)


def _run_nondet(leader: typing.Any, validator: typing.Any) -> typing.Any:
    return vars(gl)["vm"].run_nondet.lazy(leader, validator)


def _sandbox(function: typing.Any) -> typing.Any:
    return vars(gl)["vm"].spawn_sandbox.lazy(function)
