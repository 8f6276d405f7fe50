"""The rules for contract modules, applied when one is loaded (spec/executor.md 8.2, 8.3): bytes in, bytes out.

`module.prepare_contract_module` refuses what contracts may not use and writes the rest into the code itself: banned
float instructions trap, calls are counted. What it writes is of type [] -> [], or wraps a whole body, so the rewritten
module is valid exactly if the original is. Deliberately not here: validation, which is the engine's.
"""
