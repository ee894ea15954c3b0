"""Features of images: extraction, the cache, augmentation."""
