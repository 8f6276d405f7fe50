"""Fixtures of this folder."""

from .sockets import uri

__all__ = ["uri"]
