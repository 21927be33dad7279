"""Antiphon's own process for tests: everything real, but for engines that play test tones, and the clock."""

import os
from functools import partial
from pathlib import Path

from bot import translations
from bot.program import main
from tests import clock, stacks

CATALOGUES = "ANTIPHON_TEST_CATALOGUES"
"""The folder of the translations where it is another one."""
ENGINES = "ANTIPHON_TEST_ENGINES"
"""The module of the engines where it is another one, such as the program's own."""

if __name__ == "__main__":
    # The worker does not import from the current folder, and finds the engines named here all the same.
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    if folder := os.environ.get(CATALOGUES):
        translations.load = partial(translations.load, Path(folder))
    stacks.tell_on_request()
    main(engines=os.environ.get(ENGINES, "tests.tone"), clock=clock.now)
