"""The LLM and web modules: services that answer what nondeterministic blocks ask of the world.

`messages` and `errors` are the protocol without its socket, `session` what one connection knows
(spec/manager-modules.md 1 to 5).
"""
