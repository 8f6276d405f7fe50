"""The script of docs/modules-lua.md does what the document says."""

from __future__ import annotations

import asyncio
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.lua.limits import LuaLimits
from genvm_replay.modules.lua.runtime import SANDBOX

DOCUMENT = Path(__file__).parents[3] / "docs" / "modules-lua.md"
PROMPT = {"prompt": "  What\u200b is \ufb01ne? ", "response_format": "text"}


@pytest.fixture
def ask(pool_of):
    """The answer of the document's script, and what its providers were asked; the first ones are down."""
    (source,) = re.findall(r"```lua\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)

    def call(down: int, *images: bytes):
        asked = []

        async def provider(owner, arguments):
            asked.append(arguments[1])
            if len(asked) <= down:
                raise ModuleError("STATUS_NOT_OK", fatal=True, ctx={"status": 503})
            return {"data": "All of it."}

        async def session():
            pool = pool_of(
                source,
                functions={"__llm.exec_prompt_in_provider": provider},
                required=["ExecPrompt", "ExecPromptTemplate"],
            )
            async with pool, pool.session({"host_data": {}}, None) as open_session:
                return await open_session.call("ExecPrompt", {**PROMPT, "images": list(images)}, 7)

        return asyncio.run(session()), asked

    return call


def test_the_second_backend_answers_where_the_first_is_down(ask, caplog):
    """With the prompt and the picture filtered, and the failure in the log."""
    picture = io.BytesIO()
    Image.radial_gradient("L").save(picture, "JPEG")
    answer, asked = ask(1, picture.getvalue())
    assert answer == {"data": "All of it.", "consumed_gen": 0}
    assert [one["provider"] for one in asked] == ["first", "second"]
    assert {one["prompt"]["user_message"] for one in asked} == {"What is fine?"}
    assert all(0.6 <= one["prompt"]["temperature"] < 0.9 for one in asked)
    assert asked[0]["prompt"]["images"][0].startswith(b"\x89PNG")
    (record,) = (record for record in caplog.records if record.name == "genvm_replay.modules.lua.effects")
    assert (record.levelname, record.fields) == ("WARNING", {"backend": "first", "status": 503})


def test_no_backend_is_a_fatal_error_with_the_reasons(ask):
    """Thrown by the script."""
    with pytest.raises(ModuleError) as failed:
        ask(2)
    assert (failed.value.causes, failed.value.fatal) == (("NO_PROVIDER_FOR_PROMPT",), True)
    assert failed.value.ctx == {"failures": ["first: STATUS_NOT_OK", "second: STATUS_NOT_OK"]}


def test_the_document_names_every_limit_and_every_function():
    """A new one is told there."""
    text = DOCUMENT.read_text("utf-8")
    from genvm_replay.modules.lua.effects import EFFECTS
    from genvm_replay.modules.lua.functions import PURE

    names = [name.removeprefix("__dflt.") for name in (*EFFECTS, *PURE) if name != "__dflt.seed"]
    names += re.findall(r'put\("__dflt\.(\w+)"', SANDBOX)
    missing = [name for name in (*names, *LuaLimits.__dataclass_fields__) if f"`{name}" not in text]
    assert missing == []
