"""What a type checker, and so an editor, knows of another contract from its declaration."""

import os
import re
import subprocess
import sys

from .guest_runs import GUEST_DIR

SOURCE = """
from genlayer import *

class Declared:
    class View:
        def balance_of(self, owner: Address) -> u256: raise NotImplementedError
    class Write:
        def transfer(self, to: Address, amount: u256) -> None: ...

a = Address(b"")
for interface in (gl.contract_interface(Declared), gl.evm.contract_interface(Declared)):
    reveal_type(interface(a).view().balance_of(a))
    reveal_type(interface(a).balance)
    interface(a).emit(value=1).transfer(a, u256(1))
    interface(a).emit_transfer(value=1)
    interface("0x")
    interface(a).view().nothing()
    interface(a).emit().transfer("0x", u256(1))
reveal_type(gl.contract_interface(Declared))
reveal_type(gl.deploy_contract(code=b"", salt_nonce=1))
gl.deploy_contract(code="")
"""
PROXY = "genlayer.gl.genvm_contracts.ContractProxy[author.Declared.View, author.Declared.Write]"
TOLD = [
    '12: note: Revealed type is "genlayer.py.types.u256"',
    '13: note: Revealed type is "genlayer.py.types.u256"',
    '16: error: Argument 1 has incompatible type "str"; expected "Address"',
    '17: error: "View" has no attribute "nothing"',
    '18: error: Argument 1 to "transfer" of "Write" has incompatible type "str"; expected "Address"',
    f'19: note: Revealed type is "def (genlayer.py.types.Address) -> {PROXY}"',
    '20: note: Revealed type is "genlayer.py.types.Address | None"',
    '21: error: No overload variant of "deploy_contract" matches argument type "str"',
]


def test_declarations_are_typed(tmp_path):
    """Methods, their arguments and results are those of the declaration, for both kinds of contract."""
    (tmp_path / "author.py").write_text(SOURCE)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=", "--strict", "--python-version=3.13", "author.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(GUEST_DIR)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in checked.stdout.splitlines() if "error:" in line or "Revealed type" in line]
    told = [re.sub(r"^author.py:|  \[[a-z-]+\]$", "", line) for line in lines if line.startswith("author.py")]
    assert told == TOLD, checked.stdout
