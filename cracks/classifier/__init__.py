"""A trained head on its backbone, and its activation maps."""
