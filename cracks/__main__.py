"""`python -m cracks COMMAND`."""

import sys

from cracks.pipeline.lifetime import end_on_interrupt

if __name__ == "__main__":
    end_on_interrupt("Interrupted.")

    try:
        from cracks.commands.cli import main
    except ModuleNotFoundError as error:
        sys.exit(f"Error: {error}; run `make .venv/ready`, then `source .venv/bin/activate`.")
    main()
