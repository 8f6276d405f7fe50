"""Deploying other contracts of this chain (sdk.md section 1.7)."""

import typing

from genlayer.gl._internal.transfers import On, check_on, check_value, send
from genlayer.gl.genvm_contracts import call_object
from genlayer.py.create2 import create2_address
from genlayer.py.types import Address

__all__ = ("deploy_contract",)


@typing.overload
def deploy_contract(
    *,
    code: bytes,
    args: typing.Sequence[typing.Any] = ...,
    kwargs: typing.Mapping[str, typing.Any] = ...,
    salt_nonce: typing.Literal[0] = ...,
    value: int = ...,
    on: On = ...,
) -> None: ...
@typing.overload
def deploy_contract(
    *,
    code: bytes,
    args: typing.Sequence[typing.Any] = ...,
    kwargs: typing.Mapping[str, typing.Any] = ...,
    salt_nonce: int,
    value: int = ...,
    on: On = ...,
) -> Address | None: ...
@typing.overload
def deploy_contract(
    *,
    code: bytes,
    args: typing.Sequence[typing.Any] = ...,
    kwargs: typing.Mapping[str, typing.Any] = ...,
    salt: int,
    value: int = ...,
    on: On = ...,
) -> Address | None: ...
def deploy_contract(
    *,
    code: bytes,
    args: typing.Sequence[typing.Any] = (),
    kwargs: typing.Mapping[str, typing.Any] = {},
    salt_nonce: int = 0,
    salt: int | None = None,
    value: int = 0,
    on: On = "finalized",
) -> Address | None:
    """Deploy a contract by message. Gives its address if there is a salt, for which each number works once.

    Args:
        code: the source, or a zip archive, as bytes.
        args: for the constructor, as are `kwargs`.
        salt_nonce: u256; 0: none, and the address is the network's choice.
        salt: another name of `salt_nonce`, which the network's SDK lacks.
        value: coins to bring along, in the smallest unit.

    Raises:
        TypeError: code is not bytes, or there are two salts.
        ValueError: a number is out of range, or `on` is unknown.
    """
    if isinstance(code, str):
        raise TypeError("code is bytes: write code=source.encode()")
    if salt is not None and salt_nonce:
        raise TypeError("salt and salt_nonce are two names of one number: give one")
    number = check_value(salt_nonce if salt is None else salt, "salt_nonce" if salt is None else "salt")
    request = {
        "calldata": call_object(None, args, kwargs),
        "code": bytes(memoryview(code)),
        "value": check_value(value),
        "on": check_on(on),
        "salt_nonce": number,
    }
    send({"DeployContract": request})
    if number == 0:
        return None
    import genlayer.gl as gl  # noqa: PLR0402  # here, because `gl` imports this module

    return create2_address(gl.message.contract_address, number, gl.message.chain_id)
