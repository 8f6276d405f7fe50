"""The manager: one service that starts modules, transactions and replays (spec/manager-modules.md, section 6)."""
