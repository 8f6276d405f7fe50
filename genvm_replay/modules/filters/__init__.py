"""What scripts may do to prompts and pictures, so that none is crafted for one model (spec/manager-modules.md 5.5)."""
