"""The catalogues: LANGUAGE.po in bot/locale, read once when the bot starts.

Babel compiles them in a process of its own (`bot/catalogue_compiler.py`): imported here it would keep 2.5 MB
of the bot's process, and leave 1.8 MB of holes in its heap.
"""

from __future__ import annotations

from gettext import GNUTranslations
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.errors import ConfigError
from bot.locale import install
from bot.module_run import run_module

FOLDER = Path(__file__).parent / "locale"


def files(folder: Path = FOLDER) -> dict[str, Path]:
    """Return the catalogues of a folder by their language, which is the file's name."""
    return {path.stem: path for path in sorted(folder.glob("*.po"))}


def load(folder: Path = FOLDER) -> None:
    """Install the catalogues of a folder. Raises ConfigError, with file and line, for one that is broken."""
    try:
        install(_compiled(folder))
    except OSError as error:
        raise ConfigError(f"The translations cannot be compiled: {error}.") from error


def _compiled(folder: Path) -> dict[str, GNUTranslations]:
    with TemporaryDirectory(prefix="antiphon-") as target:
        failure = "The translations cannot be compiled"
        run_module("bot.catalogue_compiler", str(folder), target, error=ConfigError, failure=failure)
        return {path.stem: _read(path) for path in Path(target).glob("*.mo")}


def _read(path: Path) -> GNUTranslations:
    with path.open("rb") as compiled:
        return GNUTranslations(compiled)
