"""Events arrive over a WebSocket as they happen: of one run or of all, ended in order, bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .served import Service, running_service
from .waiting_node import node, order

SECONDS_MAX = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pushed")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    with running_service(folder, "--permits", "2") as made:
        yield made


def listen(service: Service, path: str = "/ws") -> ClientConnection:
    return connect(f"ws://127.0.0.1:{service.port}{path}", open_timeout=SECONDS_MAX)


def told_until_end(socket: ClientConnection) -> list[dict]:
    """Events up to the first end of a run."""
    found = []
    while not found or found[-1]["event"] != "finished":
        found.append(json.loads(socket.recv(SECONDS_MAX)))
    return found


def test_all_events_of_a_run_in_order(service, folder):
    with listen(service) as socket, node(folder, "inc", 9) as (uri, _):
        run_id = service.ask("POST", "/genvm/run", order(uri)).json["id"]
        events = told_until_end(socket)
    assert {one["run"] for one in events} == {run_id}
    kinds = [one["event"] for one in events]
    assert kinds[:2] == ["queued", "started"]
    assert set(kinds[2:-1]) == {"output"}
    assert "".join(one["text"] for one in events if one.get("stream") == "stdout") == "by 9\n"
    assert (events[-1]["cause"], events[-1]["exit_code"], events[-1]["error"]) == ("exited", 0, None)


def test_who_comes_late_is_told_the_end(service, folder):
    with node(folder, "inc", 1) as (uri, _):
        run_id = service.ask("POST", "/genvm/run", order(uri)).json["id"]
        assert service.ask("GET", f"/genvm/{run_id}?wait=60s").json["status"]
    with listen(service, f"/ws?run={run_id}") as socket:
        assert [one["event"] for one in told_until_end(socket)] == ["finished"]


def test_one_run_s_events_and_no_other_s(service, folder):
    """A subscription to one run hears nothing of others, and ends with it."""
    with node(folder, "spin") as (uri, _), listen(service) as everything:
        run_id = service.ask("POST", "/genvm/run", order(uri)).json["id"]
        with listen(service, f"/ws?run={run_id}") as socket, node(folder, "inc", 1) as (other, _):
            with listen(service, f"/ws?run={run_id}"):
                pass  # goes away without a word: nothing is lost for the others
            service.ask("DELETE", f"/genvm/{run_id}")
            service.ask("POST", "/genvm/run", order(other))
            assert {one["run"] for one in told_until_end(socket)} == {run_id}
            assert [json.loads(one)["run"] for one in socket] == []
        told_until_end(everything)
        assert {one["run"] for one in told_until_end(everything)} == {run_id + 1}


def test_a_run_that_is_not_there_is_refused(service):
    with pytest.raises(InvalidStatus) as refused, listen(service, "/ws?run=999999"):
        pass
    assert refused.value.response.status_code == 404


def test_a_page_of_another_origin_hears_nothing(service):
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://127.0.0.1:{service.port}/ws", origin="https://evil.example"),  # type: ignore[arg-type]
    ):
        pass
    assert refused.value.response.status_code == 403


def test_without_an_upgrade_it_says_what_it_would_tell(service):
    told = service.ask("GET", "/ws").json
    assert told["events"] == ["queued", "started", "output", "finished", "lost"]


def test_a_service_that_ends_says_goodbye(folder, tmp_path):
    with running_service(tmp_path) as service, listen(service) as socket:
        assert service.stop() == 0
        assert list(socket) == []
        assert socket.close_code == 1001
