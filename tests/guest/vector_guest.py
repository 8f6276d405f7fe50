"""Checks of `sdk-vectors.json` that need no host: run them wherever the SDK can be imported, in a VM too.

As a script: `python vector_guest.py <vectors.json>` prints what differs and exits with 1 if anything does. It needs
only the SDK, no pytest. Storage scenarios are not here: they need a host (`test_storage_vectors.py`).
"""

import json
import sys
import typing

from genlayer.py import calldata, evm
from genlayer.py.create2 import create2_address
from genlayer.py.keccak import Keccak256
from genlayer.py.storage import ROOT_SLOT_ID, Array, InmemManager, Slot
from genlayer.py.types import Address, i8, u8, u256


def _root():
    return Slot(ROOT_SLOT_ID, InmemManager())


def _value(text):
    """Read the notation of the vectors' keys."""
    if text.startswith("addr 0x01*20"):
        return Address(b"\x01" * 20)
    if text == "str len 16":
        return "x" * 16
    return eval(text, {"null": None, "true": True, "false": False})


def check_root_indirect(vectors):
    return [(off, _root().indirect(int(off)).id.hex(), wanted) for off, wanted in vectors.items()]


def check_contract_instance_indirect(vectors):
    contract = _root().indirect(0)
    return [(off, contract.indirect(int(off)).id.hex(), wanted) for off, wanted in vectors.items()]


def check_calldata(vectors):
    results = [(text, calldata.encode(_value(text)).hex(), wanted) for text, wanted in vectors.items()]
    results += [
        (wanted, calldata.decode(bytes.fromhex(wanted)), _value(text)) for text, wanted in vectors.items()
    ]
    return results


def check_calldata_decode_errors(vectors):
    """The kind of error counts; its text is ours."""
    results = []
    for data, wanted in vectors.items():
        try:
            got = f"OK {calldata.decode(bytes.fromhex(data))!r}"
        except Exception as error:
            got = type(error).__name__
        results.append((data, got, wanted if wanted.startswith("OK ") else wanted.partition(":")[0]))
    return results


def check_keccak(vectors):
    return [(text, Keccak256(eval(text)).hexdigest(), wanted) for text, wanted in vectors.items()]


def check_create2(vectors):
    results = []
    for text, wanted in vectors.items():
        given = dict(part.split("=") for part in text.split(","))
        deployer = Address(b"\x01" * 20 if given["addr"] == "01*20" else given["addr"])
        results.append(
            (text, create2_address(deployer, int(given["salt"]), int(given["chain"])).as_hex, wanted)
        )
    return results


def check_checksum(vectors):
    return [(raw, Address(bytes.fromhex(raw)).as_hex, wanted) for raw, wanted in vectors.items()]


EVM_TYPES = {
    "genlayer.py.types.u256": u256,
    "genlayer.py.types.i8": i8,
    "genlayer.py.types.u8": u8,
    "<class 'bool'>": bool,
    "<class 'genlayer.py.types.Address'>": Address,
    "<class 'str'>": str,
    "<class 'bytes'>": bytes,
    "genlayer.py.evm.support.bytes32": evm.bytes32,
    "list[genlayer.py.types.u8]": list[u8],
    "tuple[genlayer.py.types.u8, str]": tuple[u8, str],
    "genlayer.py.storage.vec.Array[str, typing.Literal[3]]": Array[str, typing.Literal[3]],
}
EVM_METHODS = {
    "balance_of(address)": tuple[Address],
    "f(string,uint8,string[])": tuple[str, u8, list[str]],
    "g(bytes4,bool,int8)": tuple[evm.bytes4, bool, i8],
    "h((uint8,string),uint8[2])": tuple[tuple[u8, str], Array[u8, typing.Literal[2]]],
    "e()": tuple[()],
}


def check_evm_types(vectors):
    return [(text, evm.type_name_of(EVM_TYPES[text]), wanted) for text, wanted in vectors.items()]


def check_evm(vectors):
    """`signature arguments` gives a call; `encode type value` gives an encoded value, which decodes again."""
    results = []
    for text, wanted in vectors.items():
        kind, _, rest = text.partition(" ")
        if kind == "encode":
            annotation = next(name for name in EVM_TYPES if rest.startswith(name))
            value = eval(rest[len(annotation) :])
            results += [
                (text, evm.encode(EVM_TYPES[annotation], value).hex(), wanted),
                (wanted, evm.decode(EVM_TYPES[annotation], bytes.fromhex(wanted)), value),
            ]
            continue
        method = evm.MethodEncoder(kind.partition("(")[0], EVM_METHODS[kind], None)
        results += [
            (text, method.signature, kind),
            (text, method.encode_call(eval(rest)).hex(), wanted),
        ]
    return results


CHECKS = {
    "root_indirect": check_root_indirect,
    "contract_instance_indirect": check_contract_instance_indirect,
    "calldata": check_calldata,
    "calldata_decode_errors": check_calldata_decode_errors,
    "keccak": check_keccak,
    "create2": check_create2,
    "checksum": check_checksum,
    "evm": check_evm,
    "evm type names": check_evm_types,
}


def differences(vectors):
    """Give a line for each result that is not the wanted one."""
    return [
        f"{name} {key}: got {got!r}, wanted {wanted!r}"
        for name, check in CHECKS.items()
        for key, got, wanted in check(vectors[name])
        if got != wanted
    ]


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        found = differences(json.load(file))
    print("\n".join(found) or "all vectors match")
    sys.exit(bool(found))
