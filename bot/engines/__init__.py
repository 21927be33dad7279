"""Models that turn recipes into waveforms: the only package that imports torch and libraries over it."""
