"""The LLM and web modules: what nondeterministic blocks ask of the world (spec/manager-modules.md 1-5).

`messages`, `errors` and `envelope` are the protocol without its socket, `server` puts a module on one.
"""
