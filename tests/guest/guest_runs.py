"""Start guest processes and read what they did."""

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import cloudpickle
from genlayer.py import calldata
from genlayer.py.types import Address

GUEST_DIR = Path(__file__).parents[2] / "genvm_replay" / "guest"
PROCESS = Path(__file__).with_name("guest_process.py")
CONTRACT = Address(b"\x01" * 20)
SENDER = Address(b"\x02" * 20)
ORIGIN = Address(b"\x03" * 20)
TIMEOUT_S = 60
GUEST_PYTHON = os.environ.get("GENVM_GUEST_PYTHON", sys.executable)  # another CPython to run the guests on


@functools.cache
def guest_version():
    """Major and minor version of the CPython that the guests run on."""
    source = "import sys; print(*sys.version_info[:2])"
    text = subprocess.run([GUEST_PYTHON, "-c", source], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, text.split()))


@dataclass
class Ended:
    """What one transaction did."""

    exit_code: int
    stdout: str
    stderr: str
    journal: list[dict]
    storage: dict[str, str]

    @property
    def writes(self):
        """The write log as the vectors have it."""
        return [
            f"{line['slot'][:8]} {line['off']} {line['data']}"
            for line in self.journal
            if line["op"] == "write"
        ]

    @property
    def requests(self):
        return [
            calldata.decode(bytes.fromhex(line["request"]))
            for line in self.journal
            if line["op"] == "gl_call"
        ]

    @property
    def returned(self):
        """The value of Return; fails if the VM ended otherwise."""
        assert self.requests, self.stderr
        return self.requests[-1]["Return"]

    @property
    def rolled_back(self):
        return self.requests[-1]["Rollback"]


@dataclass
class Chain:
    """One contract and its storage, from transaction to transaction."""

    directory: Path
    storage: dict[str, str] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    errno: dict[str, int] = field(default_factory=dict)
    contract_image: bool = False
    python: str = GUEST_PYTHON
    count: int = 0

    def write_contract(self, source):
        (self.directory / "contract.py").write_text(source)

    def deploy(self, *args, **options):
        return self.send({"args": list(args)} if args else {}, is_init=True, **options)

    def call(self, method, *args, **options):
        return self.send({"method": method, "args": list(args)}, **options)

    def send(self, call, *, is_init=False, value=0, entry_data=None, entry_kind=0):
        message = {
            "contract_address": CONTRACT,
            "sender_address": SENDER,
            "origin_address": ORIGIN,
            "stack": [],
            "value": value,
            "datetime": "2024-11-26T06:42:42.424242Z",
            "is_init": is_init,
            "chain_id": 61999,
            "entry_kind": entry_kind,
            "entry_data": calldata.encode(call) if entry_data is None else entry_data,
            "entry_stage_data": None,
        }
        return self.run(calldata.encode(message))

    def run(self, message):
        self.count += 1
        work = self.directory / f"run-{self.count}"
        work.mkdir()
        (work / "message").write_bytes(message)
        request = {
            "guest": str(GUEST_DIR),
            "libraries": str(Path(cloudpickle.__file__).parents[1]),  # another CPython has not ours
            "contract_dir": str(self.directory),
            "message": str(work / "message"),
            "journal": str(work / "journal"),
            "storage": self.storage,
            "balances": self.balances,
            "answers": self.answers,
            "errno": self.errno,
            "contract_image": self.contract_image,
        }
        (work / "request").write_text(json.dumps(request))
        ended = subprocess.run(
            [self.python, str(PROCESS), str(work / "request")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env={"TZ": "UTC", "PYTHONHASHSEED": "1", "PYTHONUTF8": "1"},
        )
        journal_path = work / "journal"
        lines = journal_path.read_text().splitlines() if journal_path.exists() else []
        journal = [json.loads(line) for line in lines]
        self.storage = apply_writes(self.storage, journal)
        return Ended(ended.returncode, ended.stdout, ended.stderr, journal, self.storage)


def apply_writes(storage, journal):
    slots = {slot: bytearray.fromhex(data) for slot, data in storage.items()}
    for line in journal:
        if line["op"] == "write":
            stored = slots.setdefault(line["slot"], bytearray())
            data = bytes.fromhex(line["data"])
            stored.extend(bytes(max(0, line["off"] - len(stored))))
            stored[line["off"] : line["off"] + len(data)] = data
    return {slot: data.hex() for slot, data in slots.items()}
