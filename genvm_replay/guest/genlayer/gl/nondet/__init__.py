"""The web and language models, for use inside nondeterministic blocks (sdk.md sections 6.1 to 6.3)."""

import typing
from collections.abc import Iterable

from genlayer.gl._internal.answers import NondetException, ask_module
from genlayer.gl._internal.lazy_api import lazy_api
from genlayer.gl.nondet import web
from genlayer.gl.nondet.image import Image
from genlayer.py.types import Lazy

__all__ = ("Image", "NondetException", "exec_prompt", "web")

IMAGES_MAX: typing.Final = 2
_FORMATS: typing.Final = ("text", "json")


@lazy_api
def exec_prompt(
    prompt: str,
    *,
    response_format: typing.Literal["text", "json"] = "text",
    images: Iterable[bytes | Image] | None = None,
    **_ignored: typing.Any,
) -> Lazy[typing.Any]:
    """Ask a language model.

    Args:
        prompt: the question.
        response_format: `text`, or `json` for an object, which comes back parsed.
        images: at most 2, files in a usual format or screenshots.

    Returns:
        str, or dict for `json`. Numbers with a fraction are no calldata: take them as the text they come as.

    Raises:
        NondetException: no model could answer.
    """
    if not isinstance(prompt, str):
        raise TypeError(f"a prompt is text, not {type(prompt).__name__} {prompt!r:.60}")
    if response_format not in _FORMATS:
        raise ValueError(f"response_format is 'text' or 'json', not {response_format!r:.60}")
    pictures = [_file_of(image) for image in _listed(images)]
    if len(pictures) > IMAGES_MAX:
        raise ValueError(f"a prompt takes {IMAGES_MAX} images at most, not {len(pictures)}: ask more often")
    return ask_module(
        {"ExecPrompt": {"prompt": prompt, "response_format": response_format, "images": pictures}}
    )


def _listed(images: object) -> Iterable[typing.Any]:
    if images is None:
        return ()
    if isinstance(images, bytes | bytearray | str | Image) or not isinstance(images, Iterable):
        raise TypeError(f"images is a list, not {type(images).__name__}: write images=[image]")
    return images


def _file_of(image: object) -> bytes:
    if isinstance(image, Image):
        return image.raw
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    raise TypeError(
        f"an image is the bytes of a file or a screenshot, not {type(image).__name__}; save a Pillow image into an "
        "io.BytesIO and give its getvalue()"
    )
