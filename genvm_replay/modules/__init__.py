"""The LLM and web modules: services that answer what nondeterministic blocks ask (spec/manager-modules.md 1-5).

`messages` and `errors` are the protocol without its socket, `session` what one connection knows.
"""
