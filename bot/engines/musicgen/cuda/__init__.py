"""Decoding on a GPU: static shapes and a CUDA graph."""
