"""Asks the guest SDK for the layout of a contract's storage: types, fields, offsets (spec/sdk.md 2.2, 2.3).

The SDK lays a contract out when its class is made. So the contract is run on an empty state with a few lines behind
its source that answer the schema's question with the layout instead. Nothing is recorded. What comes back is kept
beside the images; the contract's own process made it, so its form is checked before it is believed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ..errors import EnvironmentProblem, UsageError
from ..executor.python_runtime.runtime import PythonRuntime
from .field_names import TypeRow
from .schema import contract_schema

TYPES_MAX: Final = 4096
PROBE: Final = b"""

def _replay_tell_layout():
    import json
    from genlayer.gl.contract import registered_contract
    from genlayer.py.storage.annotations import describe

    rows, numbers = [], {}

    def number(layout):
        if id(layout) not in numbers:
            numbers[id(layout)] = len(rows)
            kind = type(layout).__name__.removesuffix("Descriptor").lower()
            row = {"kind": kind, "name": layout.name, "size": layout.size}
            rows.append(row)
            if kind == "record":
                row["fields"] = [(name, at, number(part)) for name, (part, at) in layout.fields.items()]
            if kind == "array":
                row["count"] = layout.count
            if getattr(layout, "signed", False):
                row["signed"] = True
            for part in {"treemap": ("key", "value"), "array": ("item",), "dynarray": ("item",)}.get(kind, ()):
                row[part] = number(getattr(layout, part))
        return numbers[id(layout)]

    contract = registered_contract()
    number(describe(contract))
    answer = json.dumps(rows)
    contract.__get_schema__ = staticmethod(lambda: answer)


_replay_tell_layout()
"""


def storage_layout(runtime: PythonRuntime, code: bytes) -> list[TypeRow]:
    """The types of a contract's storage, the contract's own first; empty where they can't be known.

    They can't for contracts that are archives or WebAssembly modules, and for code that does not import here.
    """
    try:
        code.decode()
        probe = code + PROBE
        told = runtime.noted("layout", probe, lambda: contract_schema(runtime, probe, image="sdk").encode())
        rows = msgspec.json.decode(told, type=list[TypeRow])
    except (UnicodeDecodeError, UsageError, EnvironmentProblem, msgspec.MsgspecError):
        return []
    return rows if _sound(rows) else []


def _sound(rows: list[TypeRow]) -> bool:
    """Whether every type that is named is there, and no size is absurd."""
    named = [number for row in rows for _, _, number in row.fields]
    named += [number for row in rows for number in (row.item, row.key, row.value) if number is not None]
    sizes = [row.size for row in rows] + [at for row in rows for _, at, _ in row.fields]
    return (
        len(rows) <= TYPES_MAX
        and all(0 <= number < len(rows) for number in named)
        and all(0 <= size < 1 << 32 for size in sizes)
    )
