"""The LLM and web modules: services that answer what nondeterministic blocks ask (spec/manager-modules.md 1-5).

`messages`, `errors` and `envelope` are the protocol without its socket, `server` puts a module on one.
"""
