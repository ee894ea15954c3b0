"""The audit of the images, copies among them, and the split."""
