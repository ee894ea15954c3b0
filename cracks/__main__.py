"""`python -m cracks COMMAND`."""

import sys

from cracks.runtime.lifetime import end_on_interrupt, prepare_streams

if __name__ == "__main__":
    prepare_streams()
    end_on_interrupt("Interrupted.")

    try:
        from cracks.tools.commands.cli import main
    except ModuleNotFoundError as error:
        sys.exit(f"Error: {error}; run `make .venv/ready`, then `source .venv/bin/activate`.")
    main()
