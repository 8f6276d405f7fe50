"""`python -m genvm_replay`: the same as the program `genvm-replay`."""

from genvm_replay.cli.main import main

if __name__ == "__main__":
    main()
