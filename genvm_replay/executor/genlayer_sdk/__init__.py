"""The import module `genlayer_sdk`: storage, balances and gl_call (spec/executor.md section 4)."""
