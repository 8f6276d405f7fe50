"""Deterministic wasip1: every function in one table, all files in memory, all else by the door (spec/executor.md 7)."""
