"""What a contract runs on: the forms of contract code, runner archives, and the plan by which a VM is made ready.

Follows spec/executor.md section 6. Bytes in, values out; only `registry.Registry` opens files. Compiling, linking and
running what a plan names is the machine's work.
"""
