"""Cells of 16 pixels: their features over a whole photograph, and the head that classifies them."""
