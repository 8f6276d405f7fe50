"""A client written from the documented API alone: it knows nothing of this package.

Each method is one paragraph of the manager page, with the request and the answer as that page shows them.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any


class ManagerError(Exception):
    """`{"error": text}`."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


class ManagerClient:
    """Speaks to a manager on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    def status(self) -> dict[str, Any]:
        told = self._ask("GET", "/status")
        assert {told["llm_module"], told["web_module"]} <= {"running", "stopped", "stopping"}
        return told

    def start_module(self, module_type: str, config: dict[str, Any] | None) -> None:
        told = self._json("/module/start", {"module_type": module_type, "config": config})
        assert told == {"result": "module_started"}

    def stop_module(self, module_type: str) -> str:
        told = self._json("/module/stop", {"module_type": module_type})
        assert told["result"] in ("module_stopped", "module_not_running")
        return told["result"]

    def run(self, **order: Any) -> int:
        told = self._json("/genvm/run", order)
        assert told["result"] == "started"
        assert isinstance(told["id"], int)
        return told["id"]

    def run_status(self, genvm_id: int) -> dict[str, Any] | None:
        told = self._ask("GET", f"/genvm/{genvm_id}")
        assert told["genvm_id"] == genvm_id
        if told["status"] is not None:
            assert told["status"].keys() >= {"finished_at", "stdout", "stderr", "genvm_log"}
        return told["status"]

    def shutdown(self, genvm_id: int, wait_timeout_ms: int) -> dict[str, Any]:
        told = self._ask("DELETE", f"/genvm/{genvm_id}?wait_timeout_ms={wait_timeout_ms}")
        assert told["genvm_id"] == genvm_id
        assert told.get("result") == "shutdown_completed" or "error" in told
        return told

    def run_readonly(self, code: bytes, deployed: str) -> dict[str, Any]:
        return self._ask("POST", "/genvm/run/readonly", code, {"Deployment-Timestamp": deployed})

    def detect_version(self, code: bytes, deployed: str) -> int:
        told = self._ask("POST", "/contract/detect-version", code, {"Deployment-Timestamp": deployed})
        assert told.keys() == {"specified_major"}
        return told["specified_major"]

    def pre_deploy_writes(self, code: bytes, deployed: str) -> list[list[str]]:
        told = self._ask("POST", "/contract/pre-deploy-writes", code, {"Deployment-Timestamp": deployed})
        assert told.keys() == {"writes"}
        return told["writes"]

    def log_level(self, level: str) -> None:
        assert self._json("/log/level", {"level": level}) == {"result": "log_level_set", "level": level}

    def reload_manifest(self) -> None:
        assert self._ask("POST", "/manifest/reload") == {"result": "manifest_reloaded"}

    def set_env(self, key: str, value: str) -> None:
        assert self._json("/env", {"key": key, "value": value}) == {"result": "env_var_set", "key": key}

    def permits(self) -> int:
        told = self._ask("GET", "/permits")
        assert told.keys() == {"permits"}
        return told["permits"]

    def set_permits(self, permits: int) -> int:
        told = self._json("/permits", {"permits": permits})
        assert told["result"] == "permits_set"
        return told["permits"]

    def check_llm(self, configs: list[Any], test_prompts: list[Any]) -> list[dict[str, Any]]:
        told = self._json("/llm/check", {"configs": configs, "test_prompts": test_prompts})
        for one in told:
            assert one.keys() == {"config_index", "prompt_index", "available", "error", "response"}
        return told

    def _json(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        link = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            link.request(method, path, body, headers or {})
            answer = link.getresponse()
            told = json.loads(answer.read())
        finally:
            link.close()
        if answer.status != 200:
            raise ManagerError(answer.status, told["error"])
        return told
