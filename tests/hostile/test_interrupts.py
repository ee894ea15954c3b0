"""Ctrl-C at random moments: one sentence, status 130, nothing left, everything as it was."""
