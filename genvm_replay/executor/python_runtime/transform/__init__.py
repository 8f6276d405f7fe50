"""python.wasm -> slim -> hardened -> split: pure functions from bytes to bytes, about a second in all.

Import `pipeline` only where something is made: a start with a warm cache needs just the recipe's key.
"""
