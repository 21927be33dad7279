"""The program `antiphon`: its start, its end and its exit codes. bot/cli.py has the commands.

Exit codes: 0 done, or ended by Ctrl-C or SIGTERM; 2 bad input or a wrong setting, DISCORD_TOKEN included: it
ends the same way each time until that is mended; 1 anything else, which may pass.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from bot.cli_settings import load_settings
from bot.errors import AntiphonError, ConfigError, StoreError, UserError
from bot.running import ENGINES, run_bot
from bot.terminal import err, guard_streams, print_crash

BAD_INPUT = 2


def main(engines: str = ENGINES, clock: Callable[[], float] = time.time) -> None:
    """Run the command line; `clock` gives Unix time in seconds."""
    guard_streams()
    # Child processes run `python -m bot.…` in the same folder, which may hold a package `bot` of its own.
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        if sys.argv[1:] == ["run"]:
            # Without the other commands and their parser, which would stay in the bot's process: 1.8 MB.
            run_bot(load_settings(), engines, clock)
            return
        from bot.cli import Parts, app

        app(obj=Parts(engines, clock), standalone_mode=True)
    except (UserError, ConfigError) as error:
        _end(error, BAD_INPUT)
    except AntiphonError as error:
        _end(error, 1)
    except Exception as error:
        print_crash(error)
        sys.exit(1)


def _end(error: AntiphonError, code: int) -> NoReturn:
    err.print_plain(str(error), style="red")
    if isinstance(error, StoreError):
        err.print("Run `antiphon doctor` for details.")
    sys.exit(code)
