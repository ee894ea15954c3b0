"""Ctrl-C at random moments: one sentence, status 130, nothing left, everything as it was."""

import os
import random
import signal
import sys

import psutil
import pytest

from tests.hostile.test_kills import results
from tests.support.processes import below, start, until
from tests.support.project import PIPELINE, Project
