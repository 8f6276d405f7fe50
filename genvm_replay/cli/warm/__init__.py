"""A process that has the runtime loaded and forks for each `genvm run`, so that a transaction does not pay for a start.

A node starts one `genvm` a transaction. Where `genvm warm` listens and GENVM_WARM names its socket, that process only
hands its command line, environment, folder and open files over and waits for the exit code. Without it, or when it
does not answer, `genvm` does its work itself. Linux only.
"""
