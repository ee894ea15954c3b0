"""The drawn dataset: surfaces, cracks and look-alikes."""
