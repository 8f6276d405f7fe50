"""The configuration file: keys of deployed managers and ours, errors that name the key."""

from __future__ import annotations

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.manager.config import ServeConfig, read_config

DEPLOYED = """
threads: 4
blocking_threads: 48
log_disable: tracing*
log_level: info
manifest_path: ${exeDir}/../data/manifest.yaml
permits: null
"""


def test_a_deployed_file_is_taken(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(DEPLOYED)
    config = read_config(file)
    assert (config.permits, config.port, config.host) == (None, 3999, "127.0.0.1")
    assert config.manifest_path == f"{tmp_path}/../data/manifest.yaml"


def test_an_empty_file_means_the_defaults(tmp_path):
    file = tmp_path / "c.yaml"
    file.touch()
    assert read_config(file) == ServeConfig()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("permits: 1", "permits"),
        ("permit: 4", "permit"),
        ("port: x", "port"),
        ("[1]", "Expected `object`"),
        ("a: [", "no YAML"),
        ("host: \0", "no YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_config(file)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UsageError, match="can't read"):
        read_config(tmp_path / "none")
