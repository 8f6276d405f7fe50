"""Roles over one record: recording a transaction as leader on a local node, re-executing it, comparing the two."""
