"""The messages of gl_call, a file a group: how their payloads are read, what they do (spec/executor.md 3.6, 4.2)."""
