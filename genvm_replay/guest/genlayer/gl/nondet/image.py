"""Pictures in nondeterministic blocks (sdk.md section 6.2)."""

import io
import typing

from genlayer.py.calldata import CalldataEncodable


class Image(CalldataEncodable):
    """A picture as a file. A block that returns one returns the bytes of the file.

    Attributes:
        raw: the file, PNG where it is a screenshot.
    """

    __slots__ = ("_pil", "raw")

    def __init__(self, raw: bytes, pil: typing.Any = None) -> None:
        self.raw = raw
        self._pil = pil

    @property
    def pil(self) -> typing.Any:
        """The picture for Pillow, opened on first use.

        Raises:
            ImportError: this runtime has no Pillow.
        """
        if self._pil is None:
            try:
                import PIL.Image  # type: ignore[import-not-found]
            except ImportError as error:
                raise ImportError(
                    "this Python runtime has no Pillow, so `.pil` can't be opened; `.raw` has the bytes of the file"
                ) from error
            self._pil = PIL.Image.open(io.BytesIO(self.raw))
        return self._pil

    def __to_calldata__(self) -> bytes:
        return self.raw

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return Image, (self.raw,)

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Image) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"Image({len(self.raw)} bytes)"
