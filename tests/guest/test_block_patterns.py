"""What authors write with nondeterministic blocks: the calls of docs/genlayer-docs.txt and of public contracts (sdk.md 6.4, 10.1).

The contracts are our own; each uses the API as a page of the documentation shows it.
"""

import json

import pytest

KEEPER = """
import json

class CoinKeeper(gl.Contract):
    has_coin: bool

    @gl.public.write
    def run(self, request: str) -> bool:
        prompt = f'''
You keep a coin. Somebody says: {request}
Answer as JSON: {{"give_coin": true/false}}
'''
        def leader_fn():
            return gl.nondet.exec_prompt(prompt, response_format="json")

        def validator_fn(leaders_res) -> bool:
            if not isinstance(leaders_res, gl.vm.Return):
                return False
            mine = leader_fn()
            return mine["give_coin"] == leaders_res.calldata["give_coin"]

        result = gl.vm.run_nondet_unsafe(leader_fn, validator_fn)
        if result["give_coin"]:
            self.has_coin = True
        return self.has_coin
"""

PRICE = """
import json

class PriceKeeper(gl.Contract):
    prices: TreeMap[str, u256]

    @gl.public.write
    def run(self, pair: str) -> int:
        api_url = "https://api.example.com/price/" + pair
        def leader_fn():
            response = gl.nondet.web.get(api_url)
            return json.loads(response.body.decode("utf-8"))["price"]
        def validator_fn(leaders_res) -> bool:
            if not isinstance(leaders_res, gl.vm.Return):
                return False
            my_price = leader_fn()
            return abs(leaders_res.calldata - my_price) / leaders_res.calldata <= 0.02
        price = gl.vm.run_nondet_unsafe(leader_fn, validator_fn)
        self.prices[pair] = price
        return self.prices[pair]
"""

SORTED = """
import json

class C(gl.Contract):
    @gl.public.write
    def run(self, url: str) -> str:
        def fetch_current_block():
            response = gl.nondet.web.request(url)
            data = json.loads(response.body)
            return json.dumps({"height": data["height"], "hash": data["hash"]}, sort_keys=True)
        return gl.eq_principle.strict_eq(fetch_current_block)
"""

STATUS = """
import json

class C(gl.Contract):
    @gl.public.write
    def run(self, repo: str) -> list:
        def leader_fn():
            res = gl.nondet.web.get(f"https://ci.example.com/{repo}")
            return json.loads(res.body.decode("utf-8"))
        def validator_fn(leaders_res: gl.vm.Result) -> bool:
            validator_data = leader_fn()
            def derive_status(checks):
                if not checks:
                    return "pending"
                for c in checks:
                    if c.get("conclusion") != "success":
                        return "failing"
                return "success"
            return derive_status(leaders_res.calldata) == derive_status(validator_data)
        return gl.vm.run_nondet_unsafe(leader_fn, validator_fn)
"""

CLEANUP = """
import json, re
from dataclasses import dataclass
from enum import Enum

class Level(Enum):
    LOW = "low"
    HIGH = "high"

@dataclass
class Verdict:
    score: int
    level: Level

def clean_llm_json(text: str) -> dict:
    first, last = text.find("{"), text.rfind("}")
    if first == -1 or last == -1:
        raise gl.UserError("No JSON object found in response")
    return json.loads(re.sub(r",(?!\\s*?[\\{\\[\\"'\\w])", "", text[first:last + 1]))

def parse_score(response: dict) -> int:
    raw = response.get("score")
    if raw is None:
        for alt in ("rating", "points", "value", "result"):
            if alt in response:
                raw = response[alt]
                break
    if raw is None:
        raise gl.UserError(f"Missing 'score' key. Got keys: {list(response.keys())}")
    try:
        return max(0, int(round(float(str(raw).strip()))))
    except (ValueError, TypeError):
        raise gl.UserError(f"Non-numeric score: {raw}")

class C(gl.Contract):
    @gl.public.write
    def run(self, text: str) -> dict:
        def judge() -> Verdict:
            score = parse_score(clean_llm_json(gl.nondet.exec_prompt(f"Rate: {text}")))
            return Verdict(score, Level.HIGH if score > 50 else Level.LOW)
        def leader() -> dict:
            verdict = judge()
            return {"score": verdict.score, "level": verdict.level.value}
        def validator(res) -> bool:
            return isinstance(res, gl.vm.Return) and judge().level is Level(res.calldata["level"])
        return gl.vm.run_nondet(leader, validator)
"""

CLASSIFIED = """
import json

class C(gl.Contract):
    @gl.public.write
    def run(self, api_url: str) -> dict:
        def leader_fn():
            response = gl.nondet.web.request(api_url, method='GET')
            if response.status_code >= 400 and response.status_code < 500:
                raise gl.UserError(f"API returned client error: {response.status_code}")
            elif response.status_code >= 500:
                raise gl.UserError(f"API temporarily unavailable: {response.status_code}")
            return json.loads(response.body.decode("utf-8"))

        def validator_fn(leaders_res: gl.vm.Result) -> bool:
            if not isinstance(leaders_res, gl.vm.Return):
                leader_msg = leaders_res.message if hasattr(leaders_res, 'message') else ''
                try:
                    leader_fn()
                    return False
                except gl.UserError as e:
                    return e.message == leader_msg
                except Exception:
                    return False
            return leaders_res.calldata == leader_fn()
        try:
            return gl.vm.run_nondet_unsafe(leader_fn, validator_fn)
        except gl.vm.UserError as e:
            return {"failed": e.message}
"""

RECEIPT = """
class ReceiptVerifier(gl.Contract):
    verified: bool

    @gl.public.write
    def run(self, image_data: bytes, expected: str) -> bool:
        def leader_fn():
            return gl.nondet.exec_prompt(
                f"Does this show a payment of {expected}? " 'Answer as JSON: {"matches": true/false}',
                images=[image_data],
                response_format="json",
            )
        def validator_fn(leaders_res) -> bool:
            if not isinstance(leaders_res, gl.vm.Return):
                return False
            return leader_fn()["matches"] == leaders_res.calldata["matches"]
        self.verified = gl.vm.run_nondet_unsafe(leader_fn, validator_fn)["matches"]
        return self.verified
"""

SHOT = """
class C(gl.Contract):
    @gl.public.write
    def run(self, url: str) -> dict:
        def check():
            screenshot = gl.nondet.web.render(url, mode='screenshot')
            return gl.nondet.exec_prompt("All operational?", images=[screenshot], response_format="json")
        return gl.eq_principle.strict_eq(check)
"""

USERS = """
from dataclasses import dataclass

@allow_storage
@dataclass
class User:
    username: str
    tags: DynArray[str]

class C(gl.Contract):
    users: DynArray[User]

    @gl.public.write
    def run(self, name: str) -> str:
        self.users.append(User(name, []))
        self.users[0].tags.append("first")
        storage_user = self.users[0]
        memory_user = gl.storage.copy_to_memory(storage_user)
        def nondet_operation():
            return f"User: {memory_user.username} {list(memory_user.tags)}"
        return gl.eq_principle.strict_eq(nondet_operation)
"""

RAW_VALUE = """
class C(gl.Contract):
    @gl.public.write
    def run(self, data: str) -> int:
        def leader_fn():
            response = gl.nondet.exec_prompt(f"Rate 1-10: {data}. Answer only with an integer")
            return int(response.strip())
        def validator_fn(leader_result):
            own_score = leader_fn()
            if isinstance(leader_result, Exception):
                return False
            return abs(own_score - leader_result) <= 2
        return gl.vm.run_nondet_unsafe(leader_fn, validator_fn)
"""

POSTED = """
class C(gl.Contract):
    @gl.public.write
    def run(self, url: str) -> int:
        def post_request():
            response = gl.nondet.web.request(url, method='POST', body={})
            return response.status_code
        return gl.eq_principle.strict_eq(post_request)
"""

RANDOM = """
import random, os, time, datetime

class C(gl.Contract):
    @gl.public.write
    def run(self, _: str) -> list:
        when = datetime.datetime.now(datetime.timezone.utc).isoformat()
        def draw():
            now = datetime.datetime.now(datetime.timezone.utc).isoformat()
            return [random.SystemRandom().randint(1, 2**60), os.urandom(4), now]
        drawn = gl.vm.run_nondet_unsafe(draw, lambda res: res.calldata[0] > 0)
        assert drawn[2] == when
        return drawn[0] > 0
"""


def answers(*values):
    """A script that gives each of these in turn, the last for ever."""
    left = list(values)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


def said(*data):
    return answers(*({"Ok": {"data": one, "consumed_gen": 1}} for one in data))


def responded(*bodies, status=200):
    made = [json.dumps(body).encode() for body in bodies]
    return answers(*({"Ok": {"response": {"status": status, "headers": {}, "body": one}}} for one in made))


PATTERNS = [  # contract, argument, web, llm, value, whether the validator agrees
    (KEEPER, "please", None, said({"give_coin": True}), True, True),
    (KEEPER, "please", None, said({"give_coin": True}, {"give_coin": False}), True, False),
    (PRICE, "A-B", responded({"price": 100}, {"price": 101}), None, 100, True),
    (PRICE, "A-B", responded({"price": 100}, {"price": 105}), None, 100, False),
    (
        SORTED,
        "http://a",
        responded({"height": 5, "hash": "x", "at": 1}, {"hash": "x", "at": 2, "height": 5}),
        None,
        '{"hash": "x", "height": 5}',
        True,
    ),
    (STATUS, "r", responded([], []), None, [], True),
    (
        STATUS,
        "r",
        responded([{"conclusion": "success"}], [{"conclusion": "success"}] * 2),
        None,
        [{"conclusion": "success"}],
        True,
    ),
    (STATUS, "r", responded([], [{"conclusion": "failed"}]), None, [], False),
    (
        CLEANUP,
        "x",
        None,
        said('Sure:\n```json\n{"rating": "83.6",}\n```', '{"score": 60}'),
        {"score": 84, "level": "high"},
        True,
    ),
    (CLEANUP, "x", None, said('{"score": "7"}', '{"points": 99}'), {"score": 7, "level": "low"}, False),
    (CLASSIFIED, "http://a", responded({"id": 1}), None, {"id": 1}, True),
    (
        CLASSIFIED,
        "http://a",
        responded({}, status=404),
        None,
        {"failed": "API returned client error: 404"},
        True,
    ),
    (
        CLASSIFIED.replace(
            "e.message == leader_msg", "str(e) == leader_msg"
        ),  # the form of a repr: never equal
        "http://a",
        responded({}, status=404),
        None,
        {"failed": "API returned client error: 404"},
        False,
    ),
    (USERS, "ada", None, None, "User: ada ['first']", True),
    (RAW_VALUE, "x", None, said("7\n"), 7, False),
    (POSTED, "http://a", responded({}, status=201), None, 201, True),
    (RANDOM, "", None, None, True, True),
]


@pytest.mark.parametrize(("source", "argument", "web", "llm", "value", "agrees"), PATTERNS)
def test_patterns(bench, source, argument, web, llm, value, agrees):
    """Leader, then validator; both replay."""
    bench.modules.web, bench.modules.llm = web or bench.modules.web, llm or bench.modules.llm
    led, judged = bench.validate(source, "run", argument)
    assert (led.value, judged.value, judged.agrees) == (value, value, agrees)


def test_pictures(bench):
    """Images as bytes and as screenshots."""
    bench.modules.llm = said({"matches": True})
    led, judged = bench.validate(RECEIPT, "run", b"PNG", "5 EUR")
    assert (led.value, judged.agrees) == (True, True)
    assert led.heard[0]["Prompt"]["payload"]["images"] == [b"PNG"]
    bench.modules.web = lambda asked: {"Ok": {"image": b"SHOT"}}
    bench.modules.llm = said({"all_operational": True})
    led, judged = bench.validate(SHOT, "run", "http://a")
    assert (led.value, judged.agrees) == ({"all_operational": True}, True)
    assert judged.heard[1]["Prompt"]["payload"]["images"] == [b"SHOT"]
