"""Crack or no crack: transfer learning on photographs of concrete, reproducible to the byte."""

import os

# Read by TensorFlow when it is first imported: quiet, and the kernels whose results do not depend
# on the number of threads.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
