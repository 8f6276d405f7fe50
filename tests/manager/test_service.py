"""The whole service as a process: the documented API, runs, replays, the journal, the document that describes it."""

from __future__ import annotations

import base64
import json
import re
import signal
import time
from collections.abc import Iterator
from hashlib import sha3_256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from genvm_replay import calldata

from .documented_client import ManagerClient, ManagerError
from .served import Service, replay_program, running_service
from .waiting_node import CODE, MOMENT, node, order

EXAMPLE = Path("examples/hello.py")
DEPLOYED = {"Deployment-Timestamp": MOMENT}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service's journal lies; one recorded transaction is in it already."""
    made = tmp_path_factory.mktemp("served")
    replay_program(made, "deploy", str(EXAMPLE), '"Hello"')
    return made


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    """One service for all tests here."""
    with running_service(folder, "--permits", "4", "--max-body", "1000000") as made:
        yield made


@pytest.fixture
def client(service: Service) -> ManagerClient:
    """Somebody who has read the documents."""
    return ManagerClient(service.port)


@pytest.fixture(scope="module")
def finished(service: Service, folder: Path) -> int:
    """The id of a run that has ended."""
    with node(folder, "inc", 5) as (uri, _):
        run_id = service.ask("POST", "/genvm/run", order(uri)).json["id"]
        assert service.ask("GET", f"/genvm/{run_id}?wait=60s").json["status"]
    return run_id


def test_status_permits_and_settings_as_documented(client):
    assert client.status().keys() >= {"llm_module", "web_module", "permits", "executions"}
    assert client.set_permits(6) == client.permits() == 6
    assert client.set_permits(1) == 6, "less than two are not taken"
    assert client.set_permits(4) == 4
    client.log_level("debug")
    client.log_level("info")
    client.reload_manifest()
    client.set_env("DEBUG_MODE", "true")
    with pytest.raises(ManagerError) as refused:
        client.set_env("LD_PRELOAD", "x")
    assert refused.value.status == 403


def test_questions_about_code_as_documented(client):
    assert client.detect_version(CODE, MOMENT) == 0
    slot = sha3_256(bytes(32) + b"\1\0\0\0").digest()
    size, code = client.pre_deploy_writes(CODE, MOMENT)
    assert [base64.b64decode(part) for part in size] == [slot + bytes(4), len(CODE).to_bytes(4, "little")]
    assert [base64.b64decode(part) for part in code] == [slot + b"\4\0\0\0", CODE]
    schema = client.run_readonly(EXAMPLE.read_bytes(), MOMENT)["schema"]
    assert schema["methods"].keys() == {"greet", "guests"}


class Provider(BaseHTTPRequestHandler):
    """A model that says OK to whoever has the key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        known = self.headers["Authorization"] == "Bearer k3y"
        told = {"choices": [{"message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}]}
        body = json.dumps(told if known else {"error": "who?"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_models_are_asked_as_documented(client):
    """A key from a variable that was set by POST /env; who has none is told to be unavailable."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        config = {
            "host": f"http://127.0.0.1:{server.server_port}",
            "provider": "openai-compatible",
            "model": "gpt-4o",
        }
        prompt = {
            "system_message": None,
            "user_message": "Respond with exactly two letters 'OK' and nothing else",
            "temperature": 0.2,
            "images": [],
            "max_tokens": 200,
            "use_max_completion_tokens": True,
        }
        client.set_env("OPENAIKEY", "k3y")
        keys = ("${ENV[OPENAIKEY]}", "none")
        good, bad = client.check_llm([{**config, "key": key} for key in keys], [prompt])
        server.shutdown()
    assert good == {"config_index": 0, "prompt_index": 0, "available": True, "error": None, "response": "OK"}
    assert (bad["config_index"], bad["available"], bad["response"]) == (1, False, None)


def test_code_without_a_schema_is_told(client):
    with pytest.raises(ManagerError, match="no schema") as refused:
        client.run_readonly(b"# nothing", MOMENT)
    assert refused.value.status == 409


def test_a_run_as_documented(client, folder):
    with node(folder, "inc", 3) as (uri, host):
        run_id = client.run(**order(uri))
        while (status := client.run_status(run_id)) is None:
            time.sleep(0.01)
    assert (status["stdout"], status["exit_code"], status["cause"], status["error"]) == (
        "by 3\n",
        0,
        "exited",
        None,
    )
    assert calldata.decode(host.result[1:]) == 3
    assert str(run_id) in client.status()["executions"]
    assert client.run_status(run_id) == status, "looking at it does not forget it"
    assert client.shutdown(run_id, 0)["result"] == "shutdown_completed"
    assert client.run_status(run_id) is None


def test_a_run_that_does_not_end_is_stopped(client, folder):
    with node(folder, "spin") as (uri, _):
        run_id = client.run(**order(uri))
        assert client.run_status(run_id) is None
        assert client.shutdown(run_id, 5000)["result"] == "shutdown_completed"


def test_a_run_in_calldata(service, folder):
    """The body of later releases: a calldata map, with the call beside it."""
    with node(folder, "inc", 4) as (uri, _):
        told = order(uri)
        answer = service.ask("POST", "/genvm/run", calldata.encode(told))
        run_id = answer.json["id"]
        status = service.ask("GET", f"/genvm/{run_id}?wait=60s").json["status"]
    assert status["stdout"] == "by 4\n"


def test_waiting_acknowledging_and_pieces_of_output(service, finished):
    path = f"/genvm/{finished}"
    piece = service.ask("GET", f"{path}/artifact?field=stdout&offset=1&max_len=3")
    assert (piece.body, piece.headers["X-Artifact-Size"]) == (b"y 5", "5")
    for line in service.ask("GET", f"{path}/artifact?field=genvm_log").body.splitlines():
        assert "level" in json.loads(line)
    assert service.ask("POST", f"{path}/ack").json == {"genvm_id": finished, "result": "acknowledged"}
    assert service.ask("GET", path).json == {"genvm_id": finished, "status": None, "unknown": True}
    assert service.ask("POST", f"{path}/ack").status == 404
    assert service.ask("GET", f"{path}/artifact?field=stdout").status == 404


def test_a_recorded_transaction_is_replayed(service):
    [row] = [one for one in service.ask("GET", "/journal/runs").json["runs"] if one["run"] == 1]
    told = service.ask("POST", "/replay", {"tx": row["tx"][:12]}).json
    assert (told["verdict"], [one["run"] for one in told["runs"]]) == ("identical", [1])
    thorough = service.ask("POST", "/replay", {"tx": row["tx"], "run": 1, "thorough": True}).json
    assert thorough["verdict"] == "identical"
    assert service.ask("POST", "/replay", {"tx": "00" * 32}).status == 404
    assert service.ask("POST", "/replay", {"tx": row["tx"], "run": 99}).status == 404


def test_an_archive_is_replayed_and_not_kept(service, folder, tmp_path):
    archive = tmp_path / "a"
    replay_program(folder, "export", "--all", "--to", str(archive))
    before = service.ask("GET", "/journal/runs").json
    headers = {"Content-Type": "application/octet-stream"}
    told = service.ask("POST", "/replay", archive.read_bytes(), headers).json
    assert told["verdict"] == "identical"
    assert service.ask("GET", "/journal/runs").json == before
    damaged = bytearray(archive.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    told = service.ask("POST", "/replay", bytes(damaged), headers).json
    assert told["verdict"] == "damaged"
    assert str(tmp_path.parent) not in told["error"]
    assert service.ask("POST", "/replay", b"nonsense", headers).json["verdict"] == "damaged"


def test_the_journal_is_read_in_pages(service):
    runs = service.ask("GET", "/journal/runs?result=return&limit=1").json
    assert len(runs["runs"]) == 1
    run = service.ask("GET", "/journal/runs/1").json
    assert (run["run"], run["result"]["kind"]) == (1, "return")
    first = service.ask("GET", "/journal/runs/1/events?limit=2").json
    assert [one["seq"] for one in first["events"]] == [0, 1]
    assert (first["next"], first["lines"]) == (2, ["main"])
    rest = service.ask("GET", "/journal/runs/1/events?from=2&limit=1000").json
    assert [one["seq"] for one in rest["events"]] == [*range(2, first["count"])]
    assert rest["next"] is None
    assert service.ask("GET", "/journal/runs/999").status == 404
    assert service.ask("GET", "/journal/runs/1/events?line=none").status == 404


def test_runs_are_compared_and_reported_on(service):
    assert service.ask("GET", "/journal/diff?a=1&b=1").json["same"] is True
    assert service.ask("GET", "/journal/diff?a=1&b=999").status == 404
    page = service.ask("GET", "/journal/runs/1/report")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"identical" in page.body
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    told = service.ask("GET", "/journal/runs/1/report", headers={"Accept": "application/json"}).json
    assert told["identical"] is True


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "said"),
    [
        ("POST", "/permits", b"{", {}, 400, "body"),
        ("POST", "/permits", {"permits": "2"}, {}, 400, "permits"),
        ("POST", "/permits", {}, {}, 400, "permits"),
        ("POST", "/genvm/run", b"", {}, 400, "body"),
        ("POST", "/genvm/run", {"major": 0}, {}, 400, "message"),
        ("POST", "/module/start", {"module_type": "x"}, {}, 400, "module_type"),
        ("POST", "/contract/detect-version", b"", {}, 400, "Deployment-Timestamp"),
        ("POST", "/contract/detect-version", b"", {"Deployment-Timestamp": "soon"}, 400, "not a time"),
        (
            "POST",
            "/contract/detect-version",
            b"",
            {"Deployment-Timestamp": "1999-01-01T00:00:00Z"},
            409,
            "no_exec",
        ),
        ("GET", "/genvm/1?wait=soon", None, {}, 400, "wait"),
        ("GET", "/genvm/x", None, {}, 404, "Not Found"),
        ("GET", "/genvm/run", None, {}, 405, "Method"),
        ("PUT", "/status", None, {}, 405, "Method"),
        ("POST", "/permits", {"permits": 2}, {"Content-Type": "multipart/form-data"}, 415, "JSON"),
        ("POST", "/replay", b"<a/>", {"Content-Type": "text/html"}, 415, "send"),
        ("GET", "/journal/runs?since=soon", None, {}, 400, "time"),
        ("GET", "/journal/runs?error=%00", None, {}, 400, "error"),
        ("GET", "/genvm/1%D9%A1", None, {}, 404, "Not Found"),
        ("GET", "/journal/runs?limit=1&limit=2", None, {}, 400, "twice"),
        ("POST", "/contract/pre-deploy-writes", bytes(1_000_001), DEPLOYED, 413, "Too Large"),
    ],
)
def test_what_is_wrong_is_said(service, method, path, body, headers, status, said):
    answer = service.ask(method, path, body, headers)
    assert answer.status == status
    assert answer.json.keys() == {"error"}
    assert said in answer.json["error"]


def test_what_can_be_got_can_be_looked_at(service):
    """HEAD is GET without the body (RFC 9110, 9.3.2)."""
    for path in ("/status", "/ws", "/openapi.json"):
        looked = service.ask("HEAD", path)
        assert (looked.status, looked.body) == (200, b"")
        assert int(looked.headers["Content-Length"]) > 0
    assert service.ask("HEAD", "/journal/runs/999").status == 404
    assert service.ask("HEAD", "/manifest/reload").status == 405


def test_health_metrics_and_vm_errors(service, finished):
    assert service.ask("GET", "/health").json == {"status": "ok"}
    text = service.ask("GET", "/metrics").body.decode()
    assert re.search(r"^genvm_replay_permits 4\.0$", text, re.M)
    assert re.search(r'^genvm_replay_runs_ended_total\{cause="exited"\} [1-9]', text, re.M)
    assert re.search(
        r'^genvm_replay_http_requests_total\{operation="health",status="200"\} [1-9]', text, re.M
    )
    told = service.ask("GET", "/vm-error/describe?error=OOM").json
    assert (told["known"], told["error"]) == (True, "OOM")


def test_no_answer_has_the_name_of_a_folder_here(service, folder):
    """Neither errors nor results say where the journal, the cache or the code lie."""
    for path in ("/journal/runs/999", "/journal/diff?a=1&b=77", "/replay", "/status"):
        method = "POST" if path == "/replay" else "GET"
        body = {"tx": "ab" * 32} if path == "/replay" else None
        assert str(folder) not in service.ask(method, path, body).body.decode()


def test_results_outlive_the_service(tmp_path):
    """Killed at once, and started again: what was not acknowledged is still told, and no id is given twice."""
    with running_service(tmp_path) as service:
        with node(tmp_path, "inc", 7) as (uri, _):
            run_id = service.ask("POST", "/genvm/run", order(uri)).json["id"]
            before = service.ask("GET", f"/genvm/{run_id}?wait=60s").json
        with node(tmp_path, "spin") as (uri, _):
            cut = service.ask("POST", "/genvm/run", order(uri)).json["id"]
            service.stop(signal.SIGKILL)
    with running_service(tmp_path) as service:
        assert service.ask("GET", f"/genvm/{run_id}").json == before
        assert service.ask("GET", f"/genvm/{cut}").json["status"]["cause"] == "lost"
        with node(tmp_path, "inc", 1) as (uri, _):
            assert service.ask("POST", "/genvm/run", order(uri)).json["id"] > cut
        assert service.stop() == 0


def test_a_service_that_ends_lets_runs_end(tmp_path):
    """SIGTERM: what goes on is waited for, nothing new is taken. A second signal: it is stopped, its result is kept."""
    with running_service(tmp_path) as service, node(tmp_path, "spin") as (uri, _):
        run_id = service.ask("POST", "/genvm/run", order(uri)).json["id"]
        service.process.send_signal(signal.SIGTERM)
        while (health := service.ask("GET", "/health")).status == 200:
            pass
        assert (health.status, health.headers["Retry-After"]) == (503, "5")
        refused = service.ask("POST", "/genvm/run", order(uri))
        assert (refused.status, refused.json["error"].partition(":")[0]) == (503, "manager_is_stopping")
        assert service.ask("GET", f"/genvm/{run_id}").json["status"] is None
        assert service.stop() == 0
    with running_service(tmp_path) as service:
        assert service.ask("GET", f"/genvm/{run_id}").json["status"]["cause"] == "shutdown"
        assert service.stop(signal.SIGINT) == 0
        assert "Traceback" not in service.log.read_text()


def test_a_run_that_is_stopped_as_it_starts_takes_nothing_along(service, folder):
    """The signal may reach the new process before it is on its own: the one that it was forked from lives on."""
    for _ in range(10):
        with node(folder, "spin") as (uri, _):
            run_id = service.ask("POST", "/genvm/run", order(uri)).json["id"]
            service.ask("DELETE", f"/genvm/{run_id}")
    with node(folder, "inc", 1) as (uri, _):
        run_id = service.ask("POST", "/genvm/run", order(uri)).json["id"]
        assert service.ask("GET", f"/genvm/{run_id}?wait=60s").json["status"]["exit_code"] == 0
