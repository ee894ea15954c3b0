"""What the classes are called, and in which order: the one place that says so.

The index of a class is its place in `CLASSES` in every file, label vector and softmax output,
so column 1 of a head's output is always the probability of a crack.
"""

NEGATIVE = "negative"
POSITIVE = "positive"
CLASSES = (NEGATIVE, POSITIVE)

TRAIN = "train"
VALID = "valid"
TEST = "test"
PARTS = (TRAIN, VALID, TEST)
