"""From a rendered waveform to a finished clip: checks, mastering, MP3, tags and picture.

The modules import numpy, scipy, soundfile and matplotlib, so only the worker process, the command line
and processes of their own (`child.py`, which imports none of these) load them.
"""
