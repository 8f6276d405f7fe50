"""Images beside a prompt."""

from __future__ import annotations

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.images import IMAGE_BYTES_MAX, read_images

PNG = b"\x89PNG\r\n\x1a\n....IHDR"
JFIF = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (JFIF, "image/jpeg"),
        (b"\xff\xd8\xff\xe1\x00\x10Exif\x00", "image/jpeg"),  # what phones take; the peers refuse it
        (b"\xff\xd8\xff\xdb\x00\x43", "image/jpeg"),
        (PNG.ljust(IMAGE_BYTES_MAX, b"\0"), "image/png"),
    ],
)
def test_png_and_every_jpeg_are_taken(data, media_type):
    """By how the file begins (spec/manager-modules.md 2.5)."""
    [image] = read_images([data])
    assert (image.media_type, image.data) == (media_type, data)


@pytest.mark.parametrize(
    ("images", "code", "facts"),
    [
        ([PNG] * 3, "TOO_MANY_IMAGES", {"count": 3}),
        ([PNG, PNG.ljust(IMAGE_BYTES_MAX + 1)], "IMAGE_TOO_LARGE", {"index": 1, "size": IMAGE_BYTES_MAX + 1}),
        ([b""], "INVALID_IMAGE", {"index": 0}),
        ([JFIF, b"GIF89a"], "INVALID_IMAGE", {"index": 1}),
    ],
)
def test_other_images_are_an_error_that_a_contract_may_catch(images, code, facts):
    """Two of 5 MiB at most (spec/manager-modules.md 1.4)."""
    with pytest.raises(ModuleError) as caught:
        read_images(images)
    assert (caught.value.causes, caught.value.fatal) == ((code,), False)
    assert facts.items() <= caught.value.ctx.items()
