"""`cache`: the contents of the feature cache, and the removal of unusable rows."""

from collections.abc import Sequence
from pathlib import Path

from cracks.features.cache import cache_path
from cracks.features.cache_contents import SETTINGS, Stock, is_usable, read_contents, remove_others


def run(*, prune: bool) -> int:
    """Print a line for each context, and the total size."""
    path = cache_path()
    if not path.exists():
        print(f"{path}: no feature cache yet.")
        return 0
    contents = read_contents(path)
    usable = [stock for stock in contents if is_usable(stock)]
    _print_contents(path, contents, usable)
    if prune:
        _remove(path, contents, usable)
    return 0


def _print_contents(path: Path, contents: Sequence[Stock], usable: Sequence[Stock]) -> None:
    for stock in contents:
        use = "yes" if stock in usable else "no"
        print(f"{stock.rows:>10,} rows {stock.size / 1e6:>10,.1f} MB  {use:>3}  {_title(stock)}")
    print(f"{path}: {path.stat().st_size / 1e6:,.1f} MB on disk; yes: usable in this folder.")


def _title(stock: Stock) -> str:
    if not stock.context:
        return "of an older version"
    words = [str(stock.context.get(name)) for name in SETTINGS]
    return ", ".join([*words, *(["augmented"] if "augmentation" in stock.context else [])])


def _remove(path: Path, contents: Sequence[Stock], usable: Sequence[Stock]) -> None:
    before = path.stat().st_size
    remove_others(path, [stock.key for stock in usable if stock.key])
    removed = sum(stock.rows for stock in contents) - sum(stock.rows for stock in usable)
    print(f"Removed {removed:,} rows; the file is {before - path.stat().st_size:,} bytes smaller.")
