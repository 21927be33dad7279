"""Models compared on this machine: speed, memory and measures of sound, beside published figures."""
