"""Read and write WebAssembly binaries: sections, entries, names, instructions (WebAssembly core 3.0, 5).

For rewriting, not for validation: what is copied is not looked at, and wasmtime validates the outcome.
Whatever the input, the outcome is a value or a `WasmFormatError`.
"""
