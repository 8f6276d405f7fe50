"""The Python runtime as the executor uses it: programs by build, images by contract, the files a guest sees."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from blake3 import blake3

from ...errors import EnvironmentProblem
from ...journal.run import Pins
from ..engine import ENGINE_VERSION, Build
from ..genlayer_sdk.table import SDK_CALLS
from ..instance import Instance, Program
from ..runners.runner_id import RunnerId
from ..stops import VmError
from ..wasip1.files import Directory, File, with_files
from ..wasip1.table import WASI_CALLS
from .boot import BOOT_SOURCE, BootDoor, boot_contract, boot_sdk, main_thread
from .door import HOST_CALLS
from .image_store import ImageStore
from .images import Image, ImageFacts
from .libraries import GuestFiles
from .look import PythonFrame, look
from .model_files import PACKAGE
from .prepare import SILENT, PreparedRuntime, Progress, load
from .sdk_files import files_hash, load_sdk_files

IMPORTS: Final = {"wasi_snapshot_preview1": WASI_CALLS, "genlayer_sdk": SDK_CALLS, "host": HOST_CALLS}
STDLIB_PATH: Final = "/usr/local/lib/python315.zip"
IMAGE_KINDS: Final = ("contract", "sdk")
IMPORT_SECONDS: Final = 2.0  # a contract whose import takes longer starts from the SDK image
IMPORT_MEMORY_BYTES: Final = 512 << 20
STDERR: Final = 2
IMAGES_KEPT: Final = 32  # open at once in this process


class PythonRuntime:
    """Everything a Python contract runs on. Make one a process."""

    def __init__(self, cache: Path, progress: Progress = SILENT, *, model_package: str = PACKAGE) -> None:
        """
        Args:
            model_package: see `libraries.GuestFiles`.

        Raises:
            EnvironmentProblem: the runtime can't be made ready (see `prepare.load`).
        """
        self._prepared: PreparedRuntime = load(cache, progress)
        self._progress = progress
        self._guest_files = GuestFiles(load_sdk_files(), cache, progress, model_package)
        self._store = ImageStore(cache, lambda: progress.step("wait", "another process is making an image"))
        self._programs: dict[Build, Program] = {}
        self._images: dict[str, Image | None] = {}
        self._trees: dict[frozenset[str], Directory] = {}

    @cached_property
    def pins(self) -> Pins:
        """What a run on this runtime is bound to."""
        prepared = self._prepared
        return Pins(prepared.source_hash, prepared.code_hash, self._guest_files.digest(), ENGINE_VERSION)

    def program(self, build: Build) -> Program:
        """The interpreter compiled for a build; compiled now if it is not in the cache."""
        if build not in self._programs:
            engine, module = self._prepared.module(build)
            self._programs[build] = Program(engine, module, build, IMPORTS)
        return self._programs[build]

    def make_ready(self, build: Build) -> None:
        """Load what every start on a build needs, so that later ones find it there."""
        self.program(build)
        _ = self._sdk_image, self.pins, self._base_files

    def interrupt(self) -> None:
        """Stop what runs on any stoppable build of the interpreter, the making of images included."""
        for program in list(self._programs.values()):
            program.interrupt()

    @cached_property
    def _base_files(self) -> Directory:
        with self._prepared.stdlib_zip.open("rb") as archive:
            stdlib = mmap.mmap(archive.fileno(), 0, access=mmap.ACCESS_READ)
        files = {path: File(data) for path, data in self._guest_files.sdk.items()}
        return with_files(Directory("/"), files | {STDLIB_PATH: File(stdlib, seeks_from_end=True)})

    def files_for(self, files: Mapping[str, bytes], libraries: Sequence[str] = ()) -> Directory:
        """What a VM with these files, by absolute path, sees, and with the libraries of these runner ids.

        Raises:
            VmError: `invalid_contract`: a file stands where the runtime has a folder, or below one of its files; two
                libraries have a file at one place.
        """
        key = frozenset(libraries)
        if key not in self._trees:
            named = [RunnerId.parse(runner) for runner in sorted(key)]
            self._trees[key] = with_files(self._base_files, self._guest_files.libraries(named))
        try:
            return with_files(self._trees[key], {path: File(bytes(data)) for path, data in files.items()})
        except ValueError as error:
            raise VmError("invalid_contract", f"MapFile: {error}") from error

    @cached_property
    def _ingredients(self) -> tuple[str, ...]:
        boot = blake3(BOOT_SOURCE).hexdigest()
        return self.pins.code_module, self._prepared.stdlib_hash, self.pins.sdk, boot

    @cached_property
    def _sdk_image(self) -> Image:
        def make() -> tuple[ImageFacts, bytes]:
            self._progress.step("image", "the interpreter with the SDK imported, once")
            return boot_sdk(self._prepared, self.program(Build.EPOCH), self._base_files)

        image = self._store.obtain("sdk", self._ingredients, make)
        assert image is not None, "an SDK image is never unusable"
        return image

    def image_for(
        self, files: Mapping[str, bytes], kind: str | None = None, libraries: Sequence[str] = ()
    ) -> tuple[str, Image]:
        """The image that a VM with these files starts from, and its kind.

        Args:
            kind: one of IMAGE_KINDS, as a record says; None: the contract's own where one can be made.
            libraries: see `files_for`.

        Raises:
            EnvironmentProblem: the record says "contract", but no such image can be made here.
        """
        if kind != "sdk":
            image = self._contract_image(files, libraries)
            if image is not None:
                return "contract", image
            if kind == "contract":
                raise EnvironmentProblem(
                    "the contract can't be imported ahead of the transaction on this machine"
                )
        return "sdk", self._sdk_image

    @cached_property
    def _main_thread(self) -> int:
        return main_thread(self._sdk_image, next(iter(self._programs.values())), self._base_files)

    def _contract_image(self, files: Mapping[str, bytes], libraries: Sequence[str]) -> Image | None:
        key = " ".join((files_hash(files), *libraries))
        if key not in self._images:
            found = self._store.obtain(
                "contract", (*self._ingredients, key), lambda: self._import(files, libraries)
            )
            self._keep(key, found)
        return self._images[key]

    def open_images(self) -> set[str]:
        """Names of the contracts' images that are open; another process of this runtime can `open_image` them."""
        return {key for key, image in self._images.items() if image is not None}

    def open_image(self, key: str) -> None:
        """Open a contract's image if it is in the cache, so that the next start finds it open."""
        if key not in self._images:
            found = self._store.find("contract", (*self._ingredients, key))
            if found is not None:
                self._keep(key, found)

    def _keep(self, key: str, image: Image | None) -> None:
        while len(self._images) >= IMAGES_KEPT:
            self._images.pop(next(iter(self._images)))
        self._images[key] = image

    def _import(self, files: Mapping[str, bytes], libraries: Sequence[str]) -> tuple[ImageFacts, bytes]:
        program = self.program(Build.EPOCH)
        timer = threading.Timer(IMPORT_SECONDS, program.interrupt)
        timer.daemon = True
        timer.start()
        try:
            tree = self.files_for(files, libraries)
            return boot_contract(self._sdk_image, program, tree, IMPORT_MEMORY_BYTES)
        finally:
            timer.cancel()

    def dump_traceback(self, instance: Instance) -> str:
        """Ask a guest that was stopped from outside where it was; `` if it can't tell."""
        door = BootDoor()
        instance.guest.effects = door
        instance.allow()
        try:
            # It is none while Python waits for a file, as in the middle of a print.
            thread = instance.call(b"PyThreadState_GetUnchecked") or self._main_thread
            if thread:
                instance.call(b"PyUnstable_DumpTraceback", STDERR, thread)
        except Exception:  # the guest is in an unknown state: whatever it did print is what there is
            pass
        return door.output.decode(errors="replace")

    def python_frames(self, instance: Instance) -> tuple[PythonFrame, ...]:
        """Ask a guest that was stopped from outside for its frames and their local variables; see `look`."""
        return look(instance)


@lru_cache(maxsize=1)
def shared_runtime(cache: Path) -> PythonRuntime:
    """The runtime of this process for a cache folder. Raises as `PythonRuntime` does."""
    return PythonRuntime(cache)
