"""The types that storage knows from the start (sdk.md section 2.2)."""

import datetime
import typing

import genlayer.py.types as value_types
from genlayer.py.storage.annotations import describe, name_of, register, register_generic
from genlayer.py.storage.descriptor import Descriptor
from genlayer.py.storage.indirection import VLA, Indirection, IndirectionDescriptor, VLADescriptor
from genlayer.py.storage.payloads import BigintDescriptor, BytesDescriptor, StrDescriptor
from genlayer.py.storage.scalars import (
    AddressDescriptor,
    BoolDescriptor,
    DatetimeDescriptor,
    FloatDescriptor,
    IntDescriptor,
    NoneDescriptor,
    U32Descriptor,
)
from genlayer.py.storage.tree_map import TreeMap
from genlayer.py.storage.tree_map_layout import TreeMapDescriptor
from genlayer.py.storage.vec import Array, DynArray
from genlayer.py.storage.vec_layout import ArrayDescriptor, DynArrayDescriptor


def _array(annotation: typing.Any, args: tuple[typing.Any, ...]) -> Descriptor:
    item, length = args if len(args) == 2 else (None, None)
    count = typing.get_args(length)
    is_literal = typing.get_origin(length) is typing.Literal and len(count) == 1
    if not is_literal or type(count[0]) is not int or count[0] < 0:
        raise TypeError(f"the length in {name_of(annotation)} must be typing.Literal[n]")
    descriptor = describe(item)
    if descriptor.size < 0:
        raise TypeError(f"{descriptor.name} contains an array of itself; hold it in a DynArray")
    return ArrayDescriptor(descriptor, count[0], name_of(annotation))


def _tree_map(annotation: typing.Any, args: tuple[typing.Any, ...]) -> Descriptor:
    key, value = args
    return TreeMapDescriptor(describe(key), describe(value), name_of(annotation))


def register_known_types() -> None:
    """Fill the table of `describe`."""
    plain: dict[typing.Any, Descriptor] = {
        bool: BoolDescriptor(),
        str: StrDescriptor(),
        bytes: BytesDescriptor(),
        float: FloatDescriptor(),
        type(None): NoneDescriptor(),
        datetime.datetime: DatetimeDescriptor(),
        value_types.Address: AddressDescriptor(),
        value_types.bigint: BigintDescriptor(),
    }
    plain[None] = plain[type(None)]
    for bits in range(8, 257, 8):
        plain[getattr(value_types, f"u{bits}")] = IntDescriptor(bits // 8, signed=False)
        plain[getattr(value_types, f"i{bits}")] = IntDescriptor(bits // 8, signed=True)
    plain[value_types.u32] = U32Descriptor()
    for annotation, descriptor in plain.items():
        register(annotation, descriptor)
    register_generic(DynArray, lambda whole, args: DynArrayDescriptor(describe(args[0]), name_of(whole)))
    register_generic(
        Indirection, lambda whole, args: IndirectionDescriptor(describe(args[0]), name_of(whole))
    )
    register_generic(VLA, lambda whole, args: VLADescriptor(describe(args[0]), name_of(whole)))
    register_generic(Array, _array)
    register_generic(TreeMap, _tree_map)
