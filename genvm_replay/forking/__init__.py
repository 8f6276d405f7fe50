"""A process that has much loaded and forks for each piece of work, so that the work does not pay for a start.

`genvm warm` and the manager are such processes; each says what the work is. Linux only.
"""
