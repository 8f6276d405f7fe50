"""Run GenVM intelligent contracts, journal every crossing of the VM boundary, and replay any run bit for bit."""

__version__ = "0.1.0"
