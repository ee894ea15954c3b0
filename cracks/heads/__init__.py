"""The softmax head on frozen features, and its training."""
