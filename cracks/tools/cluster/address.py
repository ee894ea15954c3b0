"""The address of the Ray cluster, from Ray's own variable, which nothing else here reads."""

import os


def cluster_address() -> str:
    """`RAY_ADDRESS`; "" if work is done in this process."""
    return os.environ.get("RAY_ADDRESS", "")
