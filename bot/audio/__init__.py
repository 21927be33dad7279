"""From a rendered waveform to a finished clip: checks, mastering, MP3, tags and picture.

The modules import numpy, scipy, soundfile and matplotlib, so only the worker process and the command
line load them; this package itself imports nothing.
"""
