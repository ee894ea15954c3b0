"""`cache`: the contents of the feature cache, and the removal of unusable rows."""

from cracks.features.cache import cache_path
from cracks.tools.cache_contents import (
    SETTINGS,
    ContextRows,
    is_usable,
    read_contents,
    remove_others,
)


def run(*, prune: bool) -> int:
    """Print a line for each context, and the total size."""
    path = cache_path()
    if not path.exists():
        print(f"{path}: no feature cache yet.")
        return 0
    contents = read_contents(path)
    usable = [entry for entry in contents if is_usable(entry)]
    for entry in contents:
        use = "yes" if entry in usable else "no"
        print(f"{entry.rows:>10,} rows {entry.size / 1e6:>10,.1f} MB  {use:>3}  {_title(entry)}")
    before = path.stat().st_size
    print(f"{path}: {before / 1e6:,.1f} MB on disk; yes: usable in this folder.")
    if prune:
        remove_others(path, [entry.key for entry in usable if entry.key])
        removed = sum(entry.rows for entry in contents if entry not in usable)
        freed = before - path.stat().st_size
        print(f"Removed {removed:,} rows; the file is {freed:,} bytes smaller.")
    return 0


def _title(entry: ContextRows) -> str:
    if not entry.context:
        return "of an older version"
    words = [str(entry.context.get(name)) for name in SETTINGS]
    return ", ".join([*words, *(["augmented"] if "augmentation" in entry.context else [])])
