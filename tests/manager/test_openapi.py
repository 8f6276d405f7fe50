"""The API document and the routes say the same, and a stranger's tool finds nothing that differs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from jsonschema_rs import Draft202012Validator, meta

from genvm_replay.manager.openapi import make_document
from genvm_replay.manager.refusals import REASONS
from genvm_replay.manager.routes import OPERATIONS

from .served import Service, environment, replay_program, running_service

EXAMPLES = 1  # a tool for people runs more: see docs/manager.md
SECONDS_MAX = 300


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one recorded transaction, so that some requests find something."""
    folder = tmp_path_factory.mktemp("described")
    replay_program(folder, "deploy", "examples/hello.py", '"Hello"')
    with running_service(folder, "--permits", "8") as made:
        yield made


@pytest.fixture(scope="module")
def document(service: Service) -> dict:
    """What the service says of itself."""
    return service.ask("GET", "/openapi.json").json


def test_routes_and_document_agree(document):
    """The routes of the application, as it is really wired, are the operations of the document, and no others."""
    from genvm_replay.manager.auth import Doorkeeper
    from genvm_replay.manager.discretion import Discretion
    from genvm_replay.manager.service import create_app

    manager = SimpleNamespace(discreet=Discretion([]))
    app = create_app(manager, doorkeeper=Doorkeeper([], None))  # type: ignore[arg-type]
    routes = {
        (route.method, re.sub(r"\{(\w+)[^/]*\}", r"{\1}", route.resource.canonical))
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }
    told = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    assert routes == told


def test_plain_statuses_are_described_too():
    """With `--plain-statuses` the document has those alone."""
    document = make_document(OPERATIONS, asks_token=False, plain=True)
    told = {
        status for path in document["paths"].values() for one in path.values() for status in one["responses"]
    }
    assert told == {"200", "404", "500"}


def test_everything_is_described(document):
    """Each operation has a summary, its answers and their reasons; schemas are valid; references lead somewhere."""
    assert document["openapi"] == "3.1.0"
    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(names) == len(set(names)) > 25
    for path in document["paths"].values():
        for one in path.values():
            assert one["summary"].endswith(".")
            for status, answer in one["responses"].items():
                assert answer["content"]
                assert status == "200" or answer["description"] == REASONS[int(status)]
    for reference in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)):
        assert reference in document["components"]["schemas"]
    for schema in document["components"]["schemas"].values():
        meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})
    assert Draft202012Validator


def test_a_stranger_s_tool_finds_no_difference(service, tmp_path):
    """schemathesis: thousands of odd requests; no 5xx, no undocumented answer, no bad input taken, no good one refused."""
    words = ["run", f"http://127.0.0.1:{service.port}/openapi.json", "--max-examples", str(EXAMPLES)]
    words += ["--seed", "1", "--request-timeout", "60", "--phases", "examples,coverage,fuzzing"]
    program = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    done = subprocess.run(
        [*program, *words],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        cwd=tmp_path,
        env=environment(tmp_path),
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    assert Path(service.log).exists()
