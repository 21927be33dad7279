"""Prints the names of the environment variables that a child process is given."""

from __future__ import annotations

import os

from bot.audio import child

if __name__ == "__main__":
    child.request()
    print("\n".join(sorted(os.environ)))
