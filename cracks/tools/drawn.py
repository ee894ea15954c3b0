"""What every result of a head says that was trained on drawings."""

TRAINED_ON_DRAWINGS = (
    "trained on drawings, not on photographs; check on 50 labelled photographs of your own"
)
