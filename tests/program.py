"""Antiphon's own process for tests: everything real, but for engines that play test tones, and the clock."""

import os
from pathlib import Path

from bot.cli import main
from tests import clock

if __name__ == "__main__":
    # The worker does not import from the current folder, and finds the engines named here all the same.
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    main(engines="tests.tone", clock=clock.now)
