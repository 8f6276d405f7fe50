"""HTTP for the modules: one client whose connections and redirects are held to rules (spec/manager-modules.md 4.2-4.4).

`policy`, `addresses`, `content`, `redirects` and `signatures` are pure; `client`, `connect`, `resolver` and `signer`
are the sockets; `functions` shows them to Lua.
"""
