"""The web and language models in the real VM, over real WebSockets (sdk.md sections 6.1 to 6.3)."""

import pytest

from .block_runs import contract, rows

FREE = 2**53 - 1  # what a node without a limit tells the models


def block(expression):
    """A body that finds the expression in a block, whatever the others say."""
    return f"return gl.vm.run_nondet_unsafe(lambda: {expression}, lambda res: True)"


def request(url="http://a", method="GET", body=None, headers=None):
    return {"Request": {"url": url, "method": method, "body": body, "headers": headers or {}, "sign": False}}


def prompt(text="hi", form="text", images=()):
    payload = {"prompt": text, "response_format": form, "images": list(images)}
    return {"Prompt": {"payload": payload, "remaining_fuel_as_gen": FREE}}


def rendering(mode="text", wait="0ms"):
    return {"Render": {"url": "http://a", "mode": mode, "wait_after_loaded": wait}}


WEB = "gl.nondet.web."
REQUESTS = [
    (WEB + "get('http://a').status", request()),
    (
        WEB + "get('http://a', headers={'X': 'é', 'Y': b'1'}).status",
        request(headers={"X": "é".encode(), "Y": b"1"}),
    ),
    (WEB + "post('http://a').status", request(method="POST")),
    (WEB + "post('http://a', body='é').status", request(method="POST", body="é".encode())),
    (WEB + "delete('http://a', body=b'x').status", request(method="DELETE", body=b"x")),
    (WEB + "head('http://a').status", request(method="HEAD")),
    (WEB + "patch('http://a', body=bytearray(b'x')).status", request(method="PATCH", body=b"x")),
    (WEB + "request('http://a').status_code", request()),
    (WEB + "request('http://a', method='OPTIONS').status", request(method="OPTIONS")),
    (WEB + "request('http://a', method='POST', body={}).status_code", request(method="POST", body=b"{}")),
    (WEB + "request('http://a', method='POST', body=[1]).status", request(method="POST", body=b"[1]")),
    (WEB + "get.lazy('http://a').get().status", request()),
]
ALL_REQUESTS = contract(*(block(row[0]) for row in REQUESTS))


@pytest.mark.parametrize(("method", "asked"), rows(REQUESTS, 1))
def test_requests(bench, method, asked):
    """Each form of a request reaches the module as specified; any status is an answer."""
    bench.modules.web = lambda _: {"Ok": {"response": {"status": 418, "headers": {}, "body": b""}}}
    ran = bench.run(ALL_REQUESTS, method)
    assert (ran.value, ran.heard) == (418, [asked])


RESPONSES = contract(
    block("gl.nondet.web.get('http://a')"),
    block("gl.nondet.web.get('http://a').text"),
    block("gl.nondet.web.get('http://a').json()"),
    block("gl.nondet.web.get('http://a').nothing"),
    block("setattr(gl.nondet.web.get('http://a'), 'status_code', 1)"),
)


def test_a_response(bench):
    """It is returned as a map; names of other libraries are answered with what to write."""
    answer = {"status": 200, "headers": {"content-type": b"text/plain"}, "body": b"\xff"}
    bench.modules.web = lambda _: {"Ok": {"response": answer}}
    assert bench.run(RESPONSES, "run0").value == answer
    assert (
        "AttributeError: a Response has no attribute 'text': use `.body.decode()`"
        in bench.run(RESPONSES, "run1").err
    )
    assert "use `json.loads(response.body)`" in bench.run(RESPONSES, "run2").err
    assert "AttributeError: a Response has no attribute 'nothing'\n" in bench.run(RESPONSES, "run3").err
    assert "AttributeError" in bench.run(RESPONSES, "run4").err


PAGES = [
    (WEB + "render('http://a')", rendering()),
    (WEB + "render('http://a', mode='html')", rendering("html")),
    (WEB + "render('http://a', mode='text', wait_after_loaded='1000ms')", rendering(wait="1000ms")),
    (WEB + "render('http://a', wait_after_loaded='2s')", rendering(wait="2000ms")),
]
ALL_PAGES = contract(*(block(row[0]) for row in PAGES))


@pytest.mark.parametrize(("method", "asked"), rows(PAGES, 1))
def test_pages(bench, method, asked):
    """Text and HTML are text."""
    bench.modules.web = lambda _: {"Ok": {"text": "a page"}}
    ran = bench.run(ALL_PAGES, method)
    assert (ran.value, ran.heard) == ("a page", [asked])


SCREENSHOT = "gl.nondet.web.render('http://a', mode='screenshot')"
PICTURES = contract(
    f"return gl.eq_principle.strict_eq(lambda: {SCREENSHOT})",
    block(
        f"[type(i := {SCREENSHOT}).__name__, isinstance(i, gl.nondet.Image), i.raw, i == {SCREENSHOT}, repr(i)]"
    ),
    block(f"gl.nondet.exec_prompt('hi', images=[{SCREENSHOT}, b'other'])"),
    f"i = gl.nondet.Image(b'raw')\n{block('gl.vm.unpack_result(gl.vm.spawn_sandbox(lambda: i.raw))')}",
    "return str(gl.nondet.Image(b'raw', 'opened').pil)",
    "import sys\nsys.modules['PIL'] = None\ngl.nondet.Image(b'raw').pil",
)


def test_screenshots(bench):
    """A screenshot is an Image: its file is what a block returns, what a prompt takes, and what travels along."""
    bench.modules.web = lambda _: {"Ok": {"image": b"PNG"}}
    led, judged = bench.validate(PICTURES, "run0")
    assert (led.value, led.heard, judged.agrees) == (b"PNG", [rendering("screenshot")], True)
    assert bench.run(PICTURES, "run1").value == ["Image", True, b"PNG", True, "Image(3 bytes)"]
    assert bench.run(PICTURES, "run2").heard[-1] == prompt(images=[b"PNG", b"other"])
    assert bench.run(PICTURES, "run3").value == b"raw"
    assert bench.run(PICTURES, "run4").value == "opened"


def test_a_picture_without_pillow(bench):
    """Only `.pil` needs it; the error says what there is instead."""
    ran = bench.run(PICTURES, "run5")
    assert "ImportError: this Python runtime has no Pillow" in ran.err
    assert "`.raw` has the bytes of the file" in ran.err


ASK = "gl.nondet.exec_prompt"
PROMPTS = [
    (f"{ASK}('hi')", "yes", prompt()),
    (f"{ASK}('hi', response_format='text', images=None)", "é", prompt()),
    (f"{ASK}('hi', response_format='json')", {"a": [1, "2.5", True]}, prompt(form="json")),
    (f"{ASK}('hi', images=[b'1', memoryview(b'2')])", "seen", prompt(images=[b"1", b"2"])),
    (f"{ASK}('hi', images=(i for i in [b'1']))", "seen", prompt(images=[b"1"])),
    (f"{ASK}('hi', temperature=0, model='m')", "yes", prompt()),
    (f"{ASK}.lazy('hi').get()", "yes", prompt()),
]
ALL_PROMPTS = contract(*(block(row[0]) for row in PROMPTS))


@pytest.mark.parametrize(("method", "answer", "asked"), rows(PROMPTS, 1, 2))
def test_prompts(bench, method, answer, asked):
    """Text comes back as text, JSON parsed; unknown options are ignored."""
    bench.modules.llm = lambda _: {"Ok": {"data": answer, "consumed_gen": 5}}
    ran = bench.run(ALL_PROMPTS, method)
    assert (ran.value, ran.heard) == (answer, [asked])


FAILURE = {"causes": ["WEBPAGE_LOAD_FAILED"], "ctx": {"status": 404}}
FAILING = contract(
    """
def f():
    try:
        return gl.nondet.web.render("http://a")
    except gl.nondet.NondetException as error:
        return error.args
return gl.eq_principle.strict_eq(f)
""",
    "return gl.eq_principle.strict_eq(lambda: gl.nondet.exec_prompt('hi'))",
    """
lazy = gl.nondet.web.get.lazy
def f():
    waiting = lazy("http://a")
    print("asked")
    return str(waiting.get())
return gl.vm.run_nondet_unsafe(f, lambda res: True)
""",
)


def test_errors_of_modules(bench):
    """They can be caught, with what the module said; uncaught they end the block with a traceback."""
    bench.modules.web = bench.modules.llm = lambda _: {"UserError": FAILURE}
    assert bench.run(FAILING, "run0").value == [FAILURE]
    ran = bench.run(FAILING, "run1")
    assert ran.failure == ("vm_error", "exit_code 1")
    assert "NondetException: {'causes': ['WEBPAGE_LOAD_FAILED']" in ran.err
    ran = bench.run(FAILING, "run2")
    assert ran.out == "asked\n"
    assert "NondetException" in ran.err


def test_a_module_that_fails(bench):
    """A fatal error, and a module that is not there, end the run as an internal error, which replays."""
    bench.modules.llm = lambda _: {"FatalError": "out of order"}
    assert bench.run(FAILING, "run1").failure == ("internal_error", "the llm module failed: out of order")
    address, bench.modules.address = bench.modules.address, "ws://127.0.0.1:1"
    try:
        kind, text = bench.run(FAILING, "run1").failure
    finally:
        bench.modules.address = address
    assert (kind, text.partition(": [")[0]) == (
        "internal_error",
        "the llm module failed: no answer from ws://127.0.0.1:1",
    )


MISTAKES = [
    (f"{ASK}(5)", "TypeError: a prompt is text, not int 5"),
    (f"{ASK}('hi', response_format='xml')", "ValueError: response_format is 'text' or 'json', not 'xml'"),
    (f"{ASK}('hi', images=[b''] * 3)", "ValueError: a prompt takes 2 images at most, not 3"),
    (f"{ASK}('hi', images=b'PNG')", "TypeError: images is a list, not bytes: write images=[image]"),
    (
        f"{ASK}('hi', images=['http://a'])",
        "TypeError: an image is the bytes of a file or a screenshot, not str",
    ),
    (WEB + "get(5)", "TypeError: a URL is text, not int 5"),
    (WEB + "request('http://a', method='get')", "ValueError: method is one of GET, POST, HEAD"),
    (
        WEB + "post('http://a', body=5)",
        "TypeError: a body is text, bytes, or a dict or list for JSON; not int",
    ),
    (WEB + "get('http://a', headers=['a'])", "TypeError: headers are a dict, not list"),
    (WEB + "get('http://a', headers={'a': 1})", "TypeError: headers are text by name, not 'a': 1"),
    (WEB + "render('http://a', mode='png')", "ValueError: mode is one of text, html, screenshot; not 'png'"),
    (WEB + "render('http://a', wait_after_loaded='1 s')", "ValueError: wait_after_loaded is a time such as"),
    (WEB + "render('http://a', wait_after_loaded=5)", "ValueError: wait_after_loaded is a time such as"),
]
ALL_MISTAKES = contract(*(block(row[0]) for row in MISTAKES))


@pytest.mark.parametrize(("method", "text"), rows(MISTAKES, 1))
def test_mistakes(bench, method, text):
    """They are told before anything is asked."""
    ran = bench.run(ALL_MISTAKES, method)
    assert ran.failure == ("vm_error", "exit_code 1")
    assert text in ran.err
    assert ran.heard == []


def test_import_paths(bench):
    """Everything can be imported under the paths that contracts use."""
    source = contract(
        """
import genlayer.gl.vm, genlayer.gl.eq_principle
from genlayer.gl.nondet.web import Response, get
from genlayer.gl import nondet, eq_principle
return [genlayer.gl.nondet is nondet is gl.nondet, gl.nondet.web.get is get, gl.eq_principle is eq_principle]
""",
        before="import genlayer.gl.nondet as nd\nimport genlayer.gl.nondet.web\n",
    )
    assert bench.run(source).value == [True] * 3


def test_other_names_of_gl(bench):
    """Modules travel by name, whatever the contract calls them."""
    source = """
import genlayer.gl as glm
from genlayer.gl.vm import run_nondet_unsafe, Return
from genlayer.gl.nondet import exec_prompt
import hashlib, base64
from urllib.parse import quote

class C(glm.Contract):
    @glm.public.write
    def run(self):
        def leader():
            text = exec_prompt("hi") + glm.nondet.web.render("http://" + quote("ü"))
            return [base64.b64encode(text.encode()).decode(), hashlib.sha256(text.encode()).hexdigest()]
        return run_nondet_unsafe(leader, lambda res: isinstance(res, Return) and res.calldata == leader())
"""
    led, judged = bench.validate(source)
    assert led.value == judged.value
    assert judged.agrees
