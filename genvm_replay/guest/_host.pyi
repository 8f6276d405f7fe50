"""The door of the guest: a C module that the executor links into its CPython (architecture.md section 3)."""

def call(frame: bytearray, /) -> bytes:
    """Hand `frame` to the host, which answers in place: errno in byte 0, data in the room left for it."""
