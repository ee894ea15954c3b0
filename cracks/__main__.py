"""`python -m cracks COMMAND`."""

from cracks.pipeline.lifetime import end_on_interrupt

if __name__ == "__main__":
    end_on_interrupt("Interrupted.")

    from cracks.commands.cli import main

    main()
