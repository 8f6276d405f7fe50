"""Filters of pictures: real pictures, compared pixel by pixel."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageStat

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.filters import image
from genvm_replay.modules.filters.image import Step, filter_image


def encoded(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """The picture's bytes."""
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    """A filter's result, which is PNG."""
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == "PNG"
        opened.load()
        return opened


def scene(mode: str = "RGB") -> Image.Image:
    """A bright square on a dark ground."""
    picture = Image.new("RGB", (64, 48), (40, 60, 80))
    ImageDraw.Draw(picture).rectangle((20, 12, 44, 36), fill=(220, 200, 180))
    return picture.convert(mode)


def difference(left: Image.Image, right: Image.Image) -> float:
    """Root mean square over the first channel, in levels."""
    return ImageStat.Stat(ImageChops.difference(left.convert("RGB"), right.convert("RGB"))).rms[0]


def contrast(picture: Image.Image) -> int:
    """Least to most of the first channel."""
    low, high = picture.convert("RGB").getextrema()[0]
    return high - low


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "LA", "CMYK", "1"])
def test_a_picture_without_filters_becomes_png(form, mode):
    """Whatever it was; transparency stays."""
    if (form, mode) in {("JPEG", "RGBA"), ("JPEG", "P"), ("JPEG", "LA"), ("PNG", "CMYK")}:
        mode = "RGB"
    got = decoded(filter_image(encoded(scene(mode), form), []))
    assert got.size == (64, 48)
    assert got.mode == ("RGBA" if mode in {"RGBA", "LA"} else "RGB")


def test_each_filter_does_what_its_name_says():
    """Unsharpen raises contrast, the misspelt noise blurs as in deployed modules, the other one is noise, and so on."""
    original = scene()
    data = encoded(original)

    def through(name: str, **values: float) -> Image.Image:
        return decoded(filter_image(data, [Step(name, values)]))

    blurred = through("GuassianNoise", sigma=4)
    assert blurred.getpixel((20, 24))[0] in range(90, 170)
    assert contrast(through("Unsharpen", sigma=2, threshold=3)) > contrast(original)
    assert difference(through("Unsharpen", sigma=2, threshold=255), original) == 0
    noisy = through("GaussianNoise", sigma=10, seed=7)
    assert 8 < difference(noisy, original) < 12
    assert contrast(noisy) > contrast(original)
    assert 0 < difference(through("JPEG", quality=0.2), original) < 20
    assert encoded(through("JPEG", quality=0.5)) == encoded(through("JpegRecompress", quality=0.5))
    grain = Step("GaussianNoise", {"sigma": 10})
    cleaned = decoded(filter_image(data, [grain, Step("Denoise", {"strength": 1})]))
    assert difference(cleaned, original) < difference(decoded(filter_image(data, [grain])), original) * 0.8
    assert difference(through("Denoise", strength=0), original) == 0


def test_noise_is_seeded():
    """The same seed gives the same picture, another one another; transparency is left alone."""
    data = encoded(scene("RGBA"))

    def noisy(**values: float) -> bytes:
        return filter_image(data, [Step("GaussianNoise", {"sigma": 5, **values})])

    assert noisy() == noisy(seed=0) == noisy()
    assert noisy(seed=1) != noisy(seed=2)
    assert decoded(noisy()).getchannel("A").getextrema() == (255, 255)
    assert difference(decoded(filter_image(data, [Step("GaussianNoise", {"sigma": 0})])), scene()) == 0


def test_a_photo_is_turned_upright():
    """PNG has no place for what EXIF says of it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    got = decoded(filter_image(encoded(scene(), "JPEG", exif=exif), []))
    assert got.size == (48, 64)


def test_a_decompression_bomb_is_refused_by_its_header():
    """Before any of its pixels are made."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes(40_000 * 1000), 9)
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    text = chunk(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(100 << 20)))
    small = encoded(scene())
    for data in (bomb, small[:33] + text + small[33:], bytes(image.BYTES_MAX + 1)):
        with pytest.raises(ModuleError, match="INVALID_IMAGE") as refused:
            filter_image(data, [])
        assert refused.value.fatal


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a", encoded(scene())[:-40], encoded(scene(), "JPEG")[:200], encoded(scene(), "GIF"), encoded(scene(), "TIFF")],
    ids=["nothing", "a name", "half a PNG", "half a JPEG", "GIF", "TIFF"],
)  # fmt: skip
def test_what_is_no_png_or_jpeg_is_refused(data):
    """Fatally, as in deployed modules; the text is the same in every process, so no address of an object is in it."""
    with pytest.raises(ModuleError, match="INVALID_IMAGE") as refused:
        filter_image(data, [])
    assert refused.value.fatal
    assert " at 0x" not in refused.value.to_text()


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_exif_data_of_the_wrong_types_is_damage():
    """Pillow then fails in ways of its own; for contracts it is a damaged picture, or one without that data."""
    exif = Image.Exif()
    exif[0x112], exif[0x10F] = 6, "maker"
    kept = io.BytesIO()
    scene().convert("RGB").save(kept, "JPEG", exif=exif)
    data, tags = kept.getvalue(), kept.getvalue().index(b"Exif") + 16
    codes = set()
    for at in range(tags, tags + 24):
        for byte in range(16):
            try:
                filter_image(data[:at] + bytes([byte]) + data[at + 1 :], [])
            except ModuleError as error:
                codes.add(error.causes)
    assert codes == {("INVALID_IMAGE",)}


@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_damaged_picture_is_a_picture_or_refused(at, byte):
    """Nothing else comes out of it."""
    data = bytearray(encoded(scene()))
    data[at % len(data)] = byte
    try:
        decoded(filter_image(bytes(data), []))
    except ModuleError as error:
        assert error.causes == ("INVALID_IMAGE",)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step("Sharpen", {}), "'Sharpen' is none of Unsharpen"),
        (Step("JPEG", {"quality": 2}), "JPEG.quality: 2 is not in 0.0..1.0"),
        (Step("JPEG", {}), "JPEG.quality: None is not in"),
        (Step("JPEG", {"quality": 1, "speed": 1}), "JPEG has no 'speed', only quality"),
        (Step("GuassianNoise", {"sigma": 1e9}), "GuassianNoise.sigma"),
        (Step("Denoise", {"strength": float("nan")}), "Denoise.strength: nan"),
    ],
)
def test_a_filter_that_there_is_not_is_refused(step, text):
    """By its name and range."""
    with pytest.raises(ModuleError, match="UNKNOWN_FILTER") as refused:
        filter_image(encoded(scene()), [step])
    assert text in refused.value.ctx["error"]
    with pytest.raises(ModuleError, match="UNKNOWN_FILTER"):
        filter_image(encoded(scene()), [Step("JPEG", {"quality": 1})] * 17)
