"""The local page on which photographs are dropped."""
