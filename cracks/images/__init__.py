"""The archive of images and the decoding of its members."""
