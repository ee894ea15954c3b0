"""The command line, `python -m cracks COMMAND`."""
