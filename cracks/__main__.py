"""`python -m cracks COMMAND`."""

from cracks.commands.cli import main

if __name__ == "__main__":
    main()
