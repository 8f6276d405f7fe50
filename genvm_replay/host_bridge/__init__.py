"""Where an executor meets its node: the host interface and the local host, a node in one database."""
