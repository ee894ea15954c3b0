"""Self-contained models for other runtimes, and their check."""
