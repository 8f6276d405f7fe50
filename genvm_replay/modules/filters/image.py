"""Filters of pictures (spec/manager-modules.md 5.5). PNG or JPEG in, PNG out.

The bytes that come out depend on the release of Pillow: they are recorded, never recomputed.
"""

from __future__ import annotations

import io
import random
import statistics
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from PIL import (
    Image,
    ImageChops,
    ImageFilter,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
)

from ..errors import ModuleError

FORMATS: Final = (PngImagePlugin.PngImageFile.format, JpegImagePlugin.JpegImageFile.format)
Image.preinit()  # the codecs, now: workers are forked from a process that has imported this
BYTES_MAX: Final = 16 << 20
PIXELS_MAX: Final = 16_000_000
FILTERS_MAX: Final = 16
SIGMA_MAX: Final = 40.0
"""Of blur in pixels, of noise in levels of 0..255."""


@dataclass(frozen=True, slots=True)
class Step:
    """One filter.

    Attributes:
        name: a key of FILTERS.
        values: by the names of its parameters.
    """

    name: str
    values: Mapping[str, float]


DAMAGED: Final = (
    *(OSError, EOFError, SyntaxError, ValueError, Image.DecompressionBombError),
    *(ArithmeticError, AttributeError, LookupError, TypeError, struct.error),
)
"""What Pillow raises at damaged pictures; the second line where the values of EXIF data have a wrong type."""


def filter_image(data: bytes, steps: Sequence[Step]) -> bytes:
    """The picture through each filter in the order given, as PNG. Turned upright if its EXIF data says how.

    Raises:
        ModuleError: `INVALID_IMAGE`, fatal: no PNG or JPEG, damaged, or more than PIXELS_MAX pixels or BYTES_MAX bytes;
            `UNKNOWN_FILTER`, fatal: a filter or parameter that there is not, or out of range.
    """
    if len(steps) > FILTERS_MAX:
        raise _refused(f"{len(steps)} filters, limit {FILTERS_MAX}")
    chosen = [_known(step) for step in steps]
    picture = _opened(data)
    for change, values in chosen:
        picture = change(picture, **values)
    return _saved(picture, "PNG")


def _opened(data: bytes) -> Image.Image:
    if len(data) > BYTES_MAX:
        raise _invalid(f"{len(data)} bytes, limit {BYTES_MAX}")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            width, height = picture.size  # as the header says, before any pixel is made
            if width * height > PIXELS_MAX:
                raise _invalid(f"{width} x {height} pixels, limit {PIXELS_MAX}")
            upright = ImageOps.exif_transpose(picture)
            return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (
        UnidentifiedImageError
    ) as error:  # its text has the address of an object, which differs between validators
        raise _invalid("neither a PNG nor a JPEG") from error
    except DAMAGED as error:
        raise _invalid(str(error)) from error


def _saved(picture: Image.Image, form: str, **options: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def _unsharpen(picture: Image.Image, *, sigma: float, threshold: float) -> Image.Image:
    """Add what a blur takes away, where that is more than `threshold` levels."""
    return picture.filter(ImageFilter.UnsharpMask(radius=sigma, percent=100, threshold=int(threshold)))


def _blur(picture: Image.Image, *, sigma: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(sigma))


def _noise(picture: Image.Image, *, sigma: float, seed: float) -> Image.Image:
    """Add normally distributed noise to the colours; the same for the same seed and size."""
    deviation = statistics.NormalDist(0, sigma or 1e-9)
    levels = [128 + round(deviation.inv_cdf((byte + 0.5) / 256)) for byte in range(256)]
    colours = picture.convert("RGB")
    even = random.Random(int(seed)).randbytes(picture.width * picture.height * 3)
    grain = Image.frombytes("RGB", picture.size, even).point(
        [min(max(level, 0), 255) for level in levels] * 3
    )
    noisy = ImageChops.add(colours, grain, offset=-128)
    if picture.mode == "RGBA":
        noisy.putalpha(picture.getchannel("A"))
    return noisy


def _recompress(picture: Image.Image, *, quality: float) -> Image.Image:
    """Through JPEG and back; transparency is lost."""
    data = _saved(picture.convert("RGB"), "JPEG", quality=max(1, round(quality * 100)))
    return Image.open(io.BytesIO(data), formats=["JPEG"]).convert("RGB")


def _denoise(picture: Image.Image, *, strength: float) -> Image.Image:
    """Towards the median of 3 x 3 pixels: not at all at 0, wholly at 1."""
    return Image.blend(picture, picture.filter(ImageFilter.MedianFilter(3)), strength)


@dataclass(frozen=True, slots=True)
class _Kind:
    change: Callable[..., Image.Image]
    ranges: Mapping[str, tuple[float, float, float | None]]  # parameter -> least, most, default


SIGMA: Final = (0.0, SIGMA_MAX, None)
RATIO: Final = (0.0, 1.0, None)
FILTERS: Final[dict[str, _Kind]] = {
    "Unsharpen": _Kind(_unsharpen, {"sigma": SIGMA, "threshold": (0, 255, 0)}),
    "GuassianNoise": _Kind(
        _blur, {"sigma": SIGMA}
    ),  # the name on the wire, and what it does in deployed modules
    "GaussianNoise": _Kind(_noise, {"sigma": SIGMA, "seed": (-(2.0**63), 2.0**63, 0)}),
    "JPEG": _Kind(_recompress, {"quality": RATIO}),
    "JpegRecompress": _Kind(_recompress, {"quality": RATIO}),
    "Denoise": _Kind(_denoise, {"strength": RATIO}),
}


def parameters_of(name: str) -> tuple[str, ...]:
    """Names of a filter's parameters, in the order of a list of them.

    Raises:
        ModuleError: `UNKNOWN_FILTER`, fatal.
    """
    if name not in FILTERS:
        raise _refused(f"{name!r} is none of {', '.join(FILTERS)}")
    return tuple(FILTERS[name].ranges)


def _known(step: Step) -> tuple[Callable[..., Image.Image], dict[str, float]]:
    names = parameters_of(step.name)
    for name in step.values:
        if name not in names:
            raise _refused(f"{step.name} has no {name!r}, only {', '.join(names)}")
    values = {}
    for name, (least, most, default) in FILTERS[step.name].ranges.items():
        value = step.values.get(name, default)
        if value is None or not least <= value <= most:
            raise _refused(f"{step.name}.{name}: {value} is not in {least}..{most}")
        values[name] = value
    return FILTERS[step.name].change, values


def _invalid(text: str) -> ModuleError:
    return ModuleError("INVALID_IMAGE", fatal=True, ctx={"error": text})


def _refused(text: str) -> ModuleError:
    return ModuleError("UNKNOWN_FILTER", fatal=True, ctx={"error": text})
