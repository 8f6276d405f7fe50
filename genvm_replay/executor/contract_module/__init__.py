"""The rules for contract modules, applied when one is loaded (spec/executor.md 8.2, 8.3): bytes in, bytes out.

`module.prepare_contract_module` refuses what contracts may not use and writes the rest into the code itself: banned
float instructions trap, calls are counted. Deliberately not here: validation. Have the engine validate the original
first: a rewritten module is valid if the original is, but one that names a global too many may become valid.
"""
