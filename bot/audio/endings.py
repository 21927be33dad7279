"""Endings of a clip's file, apart from the codecs: scipy and soundfile take a second to import."""

from __future__ import annotations

LOSSLESS = {".wav": "WAV", ".flac": "FLAC"}
"""The ending of a lossless file → libsndfile's name of its format."""
ALL = (".mp3", *LOSSLESS)
