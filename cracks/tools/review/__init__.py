"""The review of a change by its metrics."""
