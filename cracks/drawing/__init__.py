"""Drawn walls: surfaces, cracks, look-alikes and the camera, with exact masks."""
