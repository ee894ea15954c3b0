"""`python -m cracks COMMAND`."""

from cracks.project.errors import exit_on_error
from cracks.runtime.lifetime import end_on_interrupt, prepare_streams

if __name__ == "__main__":
    prepare_streams()
    end_on_interrupt("Interrupted.")
    with exit_on_error():
        from cracks.tools.commands.cli import main

        main()
