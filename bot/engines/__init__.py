"""Models that turn recipes into waveforms: the only room that imports torch and what stands on it."""
