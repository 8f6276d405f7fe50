"""The files that the guest imports, and the hash that pins them."""

from __future__ import annotations

import cloudpickle
import pytest

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.executor.python_runtime import sdk_files


def test_the_pickle_library_is_a_part_of_the_sdk() -> None:
    """As installed, byte for byte, and in the hash."""
    files = sdk_files.load_sdk_files()
    assert cloudpickle.cloudpickle.__file__
    with open(cloudpickle.cloudpickle.__file__, "rb") as source:
        assert files["/py/libs/cloudpickle/cloudpickle.py"] == source.read()
    assert "/py/libs/_genlayer_runner.py" in files
    changed = files | {"/py/libs/cloudpickle/cloudpickle.py": b""}
    assert sdk_files.files_hash(changed) != sdk_files.files_hash(files)


def test_a_package_that_is_not_installed() -> None:
    """The error says what to install."""
    with pytest.raises(EnvironmentProblem, match="no_such_package is not installed; run: pip install"):
        sdk_files._package("no_such_package")
