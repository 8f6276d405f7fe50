"""Images beside a prompt (spec/manager-modules.md 1.4, 2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ..errors import ModuleError

IMAGES_MAX: Final = 2
IMAGE_BYTES_MAX: Final = 5 << 20
MAGIC: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""How files begin. A JPEG may go on with any marker: JFIF, the EXIF of cameras, or none of both."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image and its media type."""

    media_type: str
    data: bytes = field(repr=False)


def read_images(images: Sequence[bytes]) -> tuple[Image, ...]:
    """Look at the images of a prompt; only at their beginning, decoding them is the model's work.

    Raises:
        ModuleError: `TOO_MANY_IMAGES`, `IMAGE_TOO_LARGE` or `INVALID_IMAGE`; a contract may catch them.
    """
    if len(images) > IMAGES_MAX:
        raise ModuleError("TOO_MANY_IMAGES", ctx={"count": len(images), "max": IMAGES_MAX})
    return tuple(_read(index, data) for index, data in enumerate(images))


def _read(index: int, data: bytes) -> Image:
    if len(data) > IMAGE_BYTES_MAX:
        raise ModuleError("IMAGE_TOO_LARGE", ctx={"index": index, "size": len(data), "max": IMAGE_BYTES_MAX})
    for magic, media_type in MAGIC.items():
        if data.startswith(magic):
            return Image(media_type, data)
    raise ModuleError("INVALID_IMAGE", ctx={"index": index, "size": len(data), "wanted": "PNG or JPEG"})
