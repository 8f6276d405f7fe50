"""Machinery behind `gl` that no contract imports: dispatch and host requests."""
