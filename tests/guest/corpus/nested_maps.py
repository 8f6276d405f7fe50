# { "Depends": "py-genlayer:test" }
from genlayer import *
from dataclasses import dataclass


@allow_storage
@dataclass
class Grant:
    scope: str
    level: u8


class Permissions(gl.Contract):
    grants: TreeMap[Address, TreeMap[str, Grant]]
    members: TreeMap[str, TreeMap[Address, bool]]
    tags: TreeMap[Address, DynArray[str]]
    names: TreeMap[u256, str]
    ranks: TreeMap[Address, u32]
    allowance: TreeMap[Address, TreeMap[Address, u256]]
    pairs: TreeMap[Address, Address]

    def __init__(self):
        pass

    @gl.public.write
    def grant(self, who: Address, scope: str, level: int) -> None:
        self.grants.get_or_insert_default(who)[scope] = Grant(scope=scope, level=u8(level))
        self.members.get_or_insert_default(scope)[who] = True
        self.tags.get_or_insert_default(who).append(scope)
        self.names[u256(len(self.names))] = scope
        self.ranks[who] = u32(self.ranks.get(who, u32(0)) + level)
        self.allowance.get_or_insert_default(who)[gl.message.sender_address] = u256(level)
        self.pairs[who] = gl.message.sender_address

    @gl.public.view
    def of(self, who: Address) -> dict:
        return {
            "grants": {scope: grant for scope, grant in self.grants[who].items()},
            "tags": list(self.tags[who]),
            "names": [[int(key), name] for key, name in self.names.items()],
            "rank": self.ranks[who],
            "pair": self.pairs[who],
            "members": sorted(scope for scope in self.members if who in self.members[scope]),
        }
