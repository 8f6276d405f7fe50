"""Questions about code that is not deployed, and about errors (spec/manager-modules.md 6.3, 6.6)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
import tempfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ...executor.moment import parse_datetime
from ..jobs import JobFailed
from ..operation import operation
from ..parts import Manager
from ..refusals import Conflict
from ..times import Moment
from ..vm_errors import describe

INDEX = struct.Struct("<I")
CODE_SLOT = hashlib.sha3_256(bytes(32) + INDEX.pack(1)).digest()


class Deployed(msgspec.Struct):
    """When the contract was or will be deployed."""

    timestamp: Moment = msgspec.field(name="Deployment-Timestamp")


class Schema(msgspec.Struct):
    """What a contract offers: its constructor and its public methods."""

    schema: dict[str, Any]


class Major(msgspec.Struct):
    """The major version of the executor that a contract asks for."""

    specified_major: int


class Writes(msgspec.Struct):
    """Key and value of each write, in base64. A key is 32 bytes of slot and 4 of offset, little endian."""

    writes: list[Annotated[list[str], Meta(min_length=2, max_length=2)]]


class ErrorQuestion(msgspec.Struct):
    """The message of a VM error."""

    error: Annotated[str, Meta(max_length=4096)]


class ErrorDescription(msgspec.Struct):
    """What a VM error means."""

    error: str
    known: bool
    description: str


@operation("POST", "/genvm/run/readonly", refuses=(409, 429, 504))
async def read_schema(manager: Manager, headers: Deployed, body: bytes) -> Schema:
    """The schema of a contract, its code being the body. Nothing is deployed or kept.

    409 where the code gives no schema; the text has why."""
    parse_datetime(headers.timestamp)
    with tempfile.TemporaryDirectory(prefix="genvm-replay-") as folder:
        file = Path(folder) / "contract"
        await asyncio.to_thread(file.write_bytes, body)
        try:
            [found] = await manager.jobs.run("schema", str(file))
        except JobFailed as failed:
            raise Conflict(str(failed)) from failed
    return Schema(found)


@operation("POST", "/contract/detect-version", refuses=(409,))
async def detect_version(manager: Manager, headers: Deployed, body: bytes) -> Major:
    """The major version that a contract's header asks for, or else the newest of the time; the code is the body.

    409 where no executor was there at the time."""
    return Major(await asyncio.to_thread(manager.versions.detect, body, headers.timestamp))


@operation("POST", "/contract/pre-deploy-writes")
async def pre_deploy_writes(manager: Manager, headers: Deployed, body: bytes) -> Writes:
    """What is written to storage before a contract is deployed: its code, which is the body, and the size of that."""
    parse_datetime(headers.timestamp)
    return Writes([[_key(0), _base64(INDEX.pack(len(body)))], [_key(INDEX.size), _base64(body)]])


@operation("GET", "/vm-error/describe")
async def describe_vm_error(manager: Manager, query: ErrorQuestion) -> ErrorDescription:
    """What the message of a VM error means."""
    found = describe(query.error)
    return ErrorDescription(query.error, found is not None, found or "not an error that the VM makes itself")


def _key(offset: int) -> str:
    return _base64(CODE_SLOT + INDEX.pack(offset))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


OPERATIONS = (read_schema, detect_version, pre_deploy_writes, describe_vm_error)
