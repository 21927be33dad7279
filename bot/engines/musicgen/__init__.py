"""MusicGen: the language model and its decode loop."""
