"""The configuration of the LLM module."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from genvm_replay.errors import UsageError
from genvm_replay.modules.config import read_config_file
from genvm_replay.modules.llm.config import load_llm_config

ENVIRONMENT = {"OPENAI": "sk-1", "ANTHROPIC": "sk-2"}
DEPLOYED = """
bind_address: 127.0.0.1:3031
lua_script_path: ${exeDir}/llm.lua
vm_count: 6
lua_path: ${exeDir}/lib/?.lua;more
threads: 4
blocking_threads: 48
log_disable: "hyper*"
log_level: info
signer_url: "#{signerUrl}"
signer_headers: {authorization: "Bearer #{token}"}
backends:
  openai:
    host: https://api.openai.com
    provider: openai-compatible
    key: ${ENV[OPENAI]}
    models:
      gpt-4o: {supports_json: true, supports_image: true, meta: {tier: 1}}
      old: {enabled: false}
      o5: {use_max_completion_tokens: true}
  anthropic:
    host: https://api.anthropic.com
    provider: anthropic
    key: "${ENV[ANTHROPIC]}"
    timeout: 20s
    models: {claude-haiku-4-5: {timeout: 1500ms}}
  unset: {host: "https://x.example", provider: google, key: "${ENV[UNSET]}", models: {m: null}}
  spare: {enabled: false, host: "https://x.example", provider: google, key: "${ENV[OPENAI]}", models: {m: {}}}
  bare: {host: "https://x.example", provider: google, key: "${ENV[OPENAI]}", models: {m: {enabled: false}}}
  local: {host: "http://127.0.0.1:11434", provider: ollama, meta: {priority: 3}, models: {llama: {}}}
prompt_templates:
  eq_comparative: {system: s, user: "#{principle}"}
"""


def load(text, **options):
    return load_llm_config(yaml.safe_load(text), ENVIRONMENT, **options)


def test_the_deployed_configuration_is_read():
    """Order as configured; what is disabled, has no model or an empty key is left out (spec/manager-modules.md 3)."""
    config = load(DEPLOYED, folder=Path("/etc/genvm"))
    assert list(config.backends) == ["openai", "anthropic", "local"]
    assert list(config.backends["openai"].models) == ["gpt-4o", "o5"]
    assert config.backends["openai"].key == "sk-1"
    gpt = config.backends["openai"].models["gpt-4o"]
    assert (gpt.supports_json, gpt.supports_image, gpt.meta, gpt.timeout_s) == (
        True,
        True,
        {"tier": 1},
        180.0,
    )
    assert config.backends["anthropic"].models["claude-haiku-4-5"].timeout_s == 1.5
    assert config.backends["local"].priority == 3
    assert config.service.lua_script_path == Path("/etc/genvm/llm.lua")
    assert config.service.lua_path == "/etc/genvm/lib/?.lua;/etc/genvm/more"
    assert config.templates["eq_comparative"].system == "s"
    assert config.warnings == (
        "backends.unset is left out: its key is empty",
        "backends.bare is left out: it has no model that is enabled",
    )
    assert set(config.secrets()) == {"sk-1", "sk-2", ""}
    assert "sk-1" not in repr(config)


OURS = """
timeout: 2m
policy_seed: 7
load_balancing: weighted
retries: {rounds: 3, wait: 100ms, wait_max: 1s}
budgets: {per_session: 0.25, per_day: 10}
backends:
  local:
    host: http://127.0.0.1:1
    provider: ollama
    priority: -1
    weight: 5
    models: {m: {price: {input: 0.075, output: 0.3}}}
"""


def test_our_own_settings_are_read():
    """Budgets are billionths, prices exact."""
    config = load(OURS)
    assert (config.policy_seed, config.load_balancing) == (7, "weighted")
    assert (config.retries.rounds, config.retries.wait_s, config.retries.wait_max_s) == (3, 0.1, 1.0)
    assert (config.budget_session, config.budget_day) == (250_000_000, 10_000_000_000)
    backend = config.backends["local"]
    assert (backend.priority, backend.weight, backend.models["m"].timeout_s) == (-1, 5, 120.0)
    assert backend.models["m"].prices.input == Decimal("0.075")


LOCAL = "backends: {b: {host: 'http://h', provider: ollama, models: {m: {}}}}\n"
BAD = [
    ("backends: {}", "backends: none is left"),
    ("backends: {b: {provider: gpt}}", r"backends\.b\.provider: 'gpt' is none of openai-compatible, anthropic"),
    ("backends: {b: {provider: google}}", r"backends\.b\.host: is missing"),
    ("backends: {b: {provider: ollama, host: 'ftp://h'}}", r"backends\.b\.host: 'ftp://h' is no URL"),
    ("backends: {b: {provider: ollama, host: 'http://u:p@h'}}", r"host: a URL without a user"),
    ("backends: {b: {provider: ollama, host: 'http://h:99999'}}", r"backends\.b\.host: .* is no URL"),
    ("backends: {b: {provider: google, host: 'http://h', key: sk-123}}", r"backends\.b\.key: write \$\{ENV\[NAME\]\}"),
    ("backends: {b: {provider: ollama, host: 'http://h', key: \"a\\nb\"}}", r"backends\.b\.key: a key is printable"),
    ("backends: {b: {provider: ollama, host: 'http://h', models: {m: {supports_json: 1}}}}", r"backends\.b\.models\.m\.supports_json: true or false"),
    ("backends: {b: {provider: ollama, host: 'http://h', models: {m: {price: {input: -1}}}}}", r"m\.price\.input: a number in 0"),
    ("backends: {b: {provider: ollama, host: 'http://h', modells: {}}}", r"backends\.b\.modells: no setting"),
    ("backends: {b: {provider: scripted}}", r"backends\.b\.answers: is missing"),
    ("backends: {b: {provider: scripted, answers: none.yaml, models: {m: {}}}}", "none.yaml: No such file"),
    (LOCAL + "retries: {rounds: 0}", r"retries\.rounds: 0 is not in 1 \.\.\. 10"),
    (LOCAL + "retries: {round: 1}", r"retries\.round: no setting"),
    (LOCAL + "budgets: {per_week: 1}", r"budgets\.per_week: no setting"),
    (LOCAL + "load_balancing: random", "load_balancing: 'random' is none of ordered, weighted"),
    (LOCAL + "vm_count: many", "vm_count: a whole number is wanted"),
    (LOCAL + "prompt_template: {}", "prompt_template: no setting"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "error"), BAD)
def test_a_bad_configuration_is_refused_with_the_path_of_the_key(text, error):
    """Nothing is guessed, and no setting is silently without effect."""
    with pytest.raises(UsageError, match=error) as caught:
        load(text)
    assert "sk-123" not in str(caught.value)


def test_no_backend_may_be_meant():
    """`--allow-empty-backends`; otherwise the error says what was left out and why."""
    text = "backends: {b: {provider: google, host: 'http://h', key: '${ENV[NONE]}', models: {m: {}}}}"
    assert load(text, allow_empty_backends=True).backends == {}
    with pytest.raises(
        UsageError, match=r"none is left; allow empty(?s:.)*backends\.b is left out: its key is empty"
    ):
        load(text)


TAKEN = r'(?:\w+\.(?:text|word|switch|whole|seconds|decimal|text_map|take|sections?|anything|texts)\(\s*|_billionths\(budgets, |_address\(section, )"(\w+)"'


def test_the_document_lists_every_setting():
    """docs/modules-llm.md has a row for each key that the code takes."""
    root = Path(__file__).parents[3]
    code = "".join(
        (root / "genvm_replay/modules" / name).read_text()
        for name in ("config.py", "llm/config.py", "llm/providers/scripted.py", "llm/templates.py")
    )
    taken = set(re.findall(TAKEN, code))
    assert {"backends", "priority", "per_day", "wait_max", "supports_image", "vm_count", "pattern"} <= taken
    told = (root / "docs/modules-llm.md").read_text()
    assert {key for key in taken if f"`{key}`" not in told} == set()


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[3] / "examples/modules").glob("llm*.yaml")), ids=lambda path: path.name)  # fmt: skip
def test_the_examples_are_configurations(path):
    """Each one loads as it is, with keys in the environment."""
    document = read_config_file(path)
    keys = dict.fromkeys(re.findall(r"ENV\[(\w+)\]", path.read_text()), "key")
    assert load_llm_config(document, keys, folder=path.parent).backends
