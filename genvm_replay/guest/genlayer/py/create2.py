"""The address that a deployment with a salt gets (sdk.md section 1.7)."""

from genlayer.py.keccak import Keccak256
from genlayer.py.types import Address


def create2_address(deployer: Address, salt: int, chain_id: int) -> Address:
    """Compute the address from who deploys, a non-zero salt (u256) and the chain (u256)."""
    seed = b"\x01" + deployer.as_bytes + salt.to_bytes(32, "big") + chain_id.to_bytes(32, "big")
    return Address(Keccak256(seed).digest()[: Address.SIZE])
