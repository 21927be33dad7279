"""The version of the score format, apart from format.py, which imports numpy.

The bot's process compares it with a model's description, and does without numpy, which takes 11 MB.
"""

VERSION = 1
