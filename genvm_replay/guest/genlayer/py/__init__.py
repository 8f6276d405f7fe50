"""The part of the SDK that needs no VM: types, calldata, storage layout, schema (sdk.md section 1.1)."""
