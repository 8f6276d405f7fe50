"""Lua, where the policy of the modules lives (spec/manager-modules.md 5).

A script runs in a worker process that can be killed: nothing inside a process stops a string pattern or a finalizer.

- the service's side: `pool` (sessions), `forkserver` and `nursery` (where workers come from), `conversation` (one
  worker), `effects` (what needs the service: log, sleep, randomness);
- the worker's side: `worker` (its loop), `sandbox.lua` and `runtime` (the VM), `border` (values in and out),
  `functions` (what needs no service);
- both: `frames` (the pipe), `values`, `limits`.
"""
