"""The LLM module: prompts answered by models, under a policy in Lua (spec/manager-modules.md 2, 3, 5).

`providers` speak to the services, `answers` makes one form of what they say, `costs` counts it, `llm.lua` decides
whom to ask. `module` puts them together.
"""
