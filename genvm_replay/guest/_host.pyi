"""The door of the guest: a C module that the executor links into its CPython (architecture.md section 3)."""

def call(frame: bytes | bytearray, /) -> bytes:
    """Hand `frame` to the host, which answers in place: errno in byte 0, data in the room left for it.

    Frames whose byte 0 is 0x80 or more never leave the VM (native.c); their answer is what is returned.
    """
