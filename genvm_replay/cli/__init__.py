"""The command line: thin files, one a command group. Nothing heavy is imported before a command needs it."""
