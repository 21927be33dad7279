"""audiocraft as the reference implementation: its MusicGen, and MultiBandDiffusion.

audiocraft 1.3.0, its last release, pins torch 2.1, av 11, xformers and torchtext, so it is installed
without its dependencies and imported beside stand-ins for those that current versions of the rest cannot
live with. Importing this package imports no torch.
"""
