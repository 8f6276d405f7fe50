"""Compiles native.c to native.wasm, which is part of the package: users need no compiler.

Needs the compiler of `pip install ziglang==0.17.1`; the same version gives the same bytes. `--check` compares instead
of writing. The SHA-256 of the source goes into the module, so that a test sees when one was changed without the other.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.executor.wasm_binary import encode  # noqa: E402

FOLDER: Final = ROOT / "genvm_replay" / "executor" / "python_runtime" / "native"
COMPILE: Final = (
    *(
        "cc",
        "--target=wasm32-freestanding",
        "-mcpu=generic+bulk_memory",
        "-O3",
        "-g0",
        "-Wall",
        "-Wextra",
        "-Werror",
    ),
    *("-ffreestanding", "-nostdlib", "-Wl,--no-entry", "-Wl,--export=door_call", "-Wl,--import-symbols"),
    *("-Wl,--import-memory", "-Wl,--strip-all"),
)


def build() -> bytes:
    """The module for the present source."""
    source = FOLDER / "native.c"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "native.wasm"
        words = [sys.executable, "-m", "ziglang", *COMPILE, "-o", str(made), str(source)]
        subprocess.run(words, check=True, cwd=folder)
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        return made.read_bytes() + encode.section(0, encode.name("source_sha256") + digest.encode())


def main() -> int:
    """Write the module, or compare it."""
    made, target = build(), FOLDER / "native.wasm"
    if "--check" in sys.argv[1:]:
        same = target.read_bytes() == made
        print("native.wasm is up to date" if same else "native.wasm is not what native.c compiles to")
        return 0 if same else 1
    target.write_bytes(made)
    print(f"native.wasm: {len(made)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
