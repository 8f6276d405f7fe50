"""NumPy scalars and arrays as fields (sdk.md section 2.2): the bytes that they have in memory, arrays in C order.

NumPy is not imported here: an annotation of its types can only come from a contract that has imported it.
"""

import math
import operator
import sys
import typing

from genlayer.py.storage.descriptor import PlainDescriptor

if typing.TYPE_CHECKING:
    from genlayer.py.storage.slot import Slot

_NAMES: typing.Final = frozenset(
    {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)} | {"float32", "float64"}
)


class NumpyIntDescriptor(PlainDescriptor):
    """A NumPy integer, little-endian."""

    def __init__(self, scalar: typing.Any, dtype: typing.Any) -> None:
        self.scalar = scalar
        self.size = dtype.itemsize
        self.signed = dtype.kind == "i"
        self.name = f"np.{dtype.name}"

    def get(self, slot: "Slot", off: int, /) -> typing.Any:
        """Read the number, as a NumPy scalar."""
        return self.scalar(int.from_bytes(slot.read(off, self.size), "little", signed=self.signed))

    def set(self, slot: "Slot", off: int, value: typing.Any, /) -> None:
        """Write any integer; OverflowError when it does not fit, TypeError for what is no integer."""
        slot.write(off, operator.index(value).to_bytes(self.size, "little", signed=self.signed))


class NumpyFloatDescriptor(PlainDescriptor):
    """A NumPy float, little-endian."""

    def __init__(self, scalar: typing.Any, dtype: typing.Any) -> None:
        self.scalar = scalar
        self.size = dtype.itemsize
        self.dtype = dtype
        self.name = f"np.{dtype.name}"

    def get(self, slot: "Slot", off: int, /) -> typing.Any:
        """Read the number, as a NumPy scalar."""
        return _numpy().frombuffer(slot.read(off, self.size), self.dtype)[0]

    def set(self, slot: "Slot", off: int, value: typing.Any, /) -> None:
        """Write a number, rounded to this type."""
        slot.write(off, (value if type(value) is self.scalar else self.scalar(float(value))).tobytes())


class NumpyArrayDescriptor(PlainDescriptor):
    """A NumPy array of a fixed shape."""

    def __init__(self, shape: tuple[int, ...], dtype: typing.Any) -> None:
        self.shape = shape
        self.dtype = dtype
        self.size = math.prod(shape) * dtype.itemsize
        self.name = f"np.ndarray of {shape} np.{dtype.name}"

    def get(self, slot: "Slot", off: int, /) -> typing.Any:
        """Give a copy: what is done to it does not reach storage."""
        flat = _numpy().frombuffer(bytearray(slot.read(off, self.size)), self.dtype)
        return flat.reshape(self.shape)

    def set(self, slot: "Slot", off: int, value: typing.Any, /) -> None:
        """Write an array of this dtype and of as many bytes."""
        assert getattr(value, "dtype", None) == self.dtype, self.why_not(value)
        assert value.nbytes == self.size, self.why_not(value)
        slot.write(off, value.tobytes())

    def why_not(self, value: typing.Any) -> str:
        """Tell shape and dtype."""
        if not isinstance(value, _numpy().ndarray):
            return super().why_not(value)
        return f"{self.name} cannot hold an array of {value.shape} np.{value.dtype.name}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NumpyArrayDescriptor):
            return NotImplemented
        return self.shape == other.shape and bool(self.dtype == other.dtype)

    __hash__ = object.__hash__


def describe_numpy(annotation: typing.Any) -> PlainDescriptor | None:
    """Give the layout of a NumPy type; None if it is none.

    Raises:
        TypeError: NumPy's, but of no fixed layout.
    """
    np = sys.modules.get("numpy")
    if np is None:
        return None
    if typing.get_origin(annotation) is np.ndarray:
        return _describe_array(*typing.get_args(annotation))
    if annotation is np.ndarray:
        raise TypeError("write shape and dtype: np.ndarray[tuple[typing.Literal[3]], np.dtype[np.float32]]")
    if not (isinstance(annotation, type) and issubclass(annotation, np.generic)):
        return None
    dtype = _dtype(annotation)
    return (NumpyFloatDescriptor if dtype.kind == "f" else NumpyIntDescriptor)(annotation, dtype)


def _describe_array(shape: typing.Any, dtype: typing.Any = None) -> NumpyArrayDescriptor:
    lengths = [typing.get_args(part) for part in typing.get_args(shape)]
    fixed = typing.get_origin(shape) is tuple and all(
        len(length) == 1 and type(length[0]) is int and length[0] >= 0 for length in lengths
    )
    if not fixed:
        raise TypeError("the shape of an array must be tuple[typing.Literal[n], ...]")
    scalar = typing.get_args(dtype)
    return NumpyArrayDescriptor(tuple(length[0] for length in lengths), _dtype(*(scalar or (dtype,))))


def _dtype(scalar: typing.Any) -> typing.Any:
    np = _numpy()
    of_numpy = isinstance(scalar, type) and issubclass(scalar, (np.generic, np.dtype))
    dtype = np.dtype(scalar) if of_numpy else None
    if dtype is None or dtype.name not in _NAMES:
        raise TypeError(
            f"storage has no layout for the NumPy type {scalar!r}; it has {', '.join(sorted(_NAMES))}"
        )
    return dtype


def _numpy() -> typing.Any:
    return sys.modules["numpy"]
