"""Models that turn recipes into waveforms: the only package that imports torch and libraries over it."""

import os

# torch's OpenMP (libgomp) threads poll for about 5 ms after each parallel region by default, on the cores
# that the decode loop's own threads need next. 3,000 polls outlast the pause between two operations of a
# network. libgomp reads this once, when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
