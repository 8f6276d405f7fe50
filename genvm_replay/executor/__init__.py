"""The executor: engine, guest memory, wasip1, genlayer_sdk, sub-VMs, the door, and the run of one transaction."""
