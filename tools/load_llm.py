"""Ten thousand prompts with a hundred sessions at once through the LLM module, against a server on loopback.

Prints time, requests a second, and what is left behind: open sockets, processes, memory of the module's process.
Exits with 1 if an answer is wrong, a socket or process is left at the end, or a second round of the same size needs
more than 5 % more memory.
Its own server and module share one process, so the rate is a lower bound.

    python tools/load_llm.py [requests] [sessions]
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from pathlib import Path

from aiohttp import web

from genvm_replay.modules.llm.config import load_llm_config
from genvm_replay.modules.llm.module import LlmModule
from genvm_replay.modules.messages import Hello, Prompt
from genvm_replay.modules.session import Session

ANSWER = {
    "choices": [{"message": {"content": '{"a": 1}'}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}
HOST_DATA = {"node_address": "0x01", "tx_id": "0x02"}
GROWTH_MAX = 1.05


async def serve() -> tuple[web.AppRunner, str]:
    """A model that is quick and always says the same."""

    async def complete(_request: web.Request) -> web.Response:
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"


async def converse(module: LlmModule, prompts: int) -> int:
    """One session; the number of right answers."""
    session = Session(Hello("1", HOST_DATA, {"genvm_id": 1, "host_data": HOST_DATA}))
    right = 0
    async with module.session(session) as answering:
        for _ in range(prompts):
            answer = await answering.answer(Prompt("Hi", "json", (), 0))
            right += answer == {"data": {"a": 1}, "consumed_gen": 0}
            session.attempts.clear()
    return right


def left_behind() -> dict[str, int]:
    """Sockets and children of this process, and its resident memory in KiB."""
    gc.collect()
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    sockets = sum(link.is_symlink() and os.readlink(link).startswith("socket:") for link in links)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    status = Path("/proc/self/status").read_text()
    resident = int(status.partition("VmRSS:")[2].split()[0])
    return {"sockets": sockets, "children": len(children), "resident_kib": resident}


async def main(requests: int, sessions: int) -> int:
    """Two rounds of half the requests; the exit code."""
    begun = left_behind()
    runner, url = await serve()
    backend = {
        "host": url,
        "provider": "openai-compatible",
        "key": "${ENV[KEY]}",
        "models": {"m": {"supports_json": True}},
    }
    config = load_llm_config({"backends": {"b": backend}, "vm_count_max": sessions}, {"KEY": "sk-of-no-use"})
    seen, right, started = [], 0, time.monotonic()
    async with LlmModule(config) as module:
        for _ in range(2):
            each = requests // 2 // sessions
            right += sum(await asyncio.gather(*(converse(module, each) for _ in range(sessions))))
            seen.append(left_behind())
        seconds = time.monotonic() - started
        numbers = module.stats()
    await runner.cleanup()
    ended = left_behind()
    print(
        f"{right} right answers in {seconds:.1f} s, {right / seconds:.0f} a second, {sessions} sessions at once"
    )
    print(f"after one round {seen[0]}\nafter two       {seen[1]}\nafter the end   {ended}\n{numbers}")
    clean = all(ended[name] <= begun[name] for name in ("sockets", "children"))
    clean = clean and seen[1]["resident_kib"] <= GROWTH_MAX * seen[0]["resident_kib"]
    return 0 if clean and right == requests // 2 // sessions * sessions * 2 else 1


if __name__ == "__main__":
    wanted = [int(argument) for argument in sys.argv[1:]] or [10_000, 100]
    sys.exit(asyncio.run(main(*wanted)))
