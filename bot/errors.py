"""Everything the project raises on purpose.

AntiphonError
├── UserError                what a member did wrong; its text is shown to them, in plain words
│   ├── InvalidRecipe        a value outside what the engine takes, or an option it does not take
│   ├── NotAllowed           what the gate refused, with the reason and what would help
│   │   └── WordsRefused     a word or a link that the server's filter doesn't let through
│   ├── LimitReached         a quota, a full queue, or a wait longer than the place allows
│   └── NotFound             a job, clip or preset that is not there, or is not theirs
├── SetupError               what the owner has to mend; start-up ends with its one sentence
│   ├── ConfigError          a setting or a translation that is missing or wrong
│   ├── ModelMissing         no usable model where the settings point
│   └── StoreError           the database cannot be opened, migrated or written
│       └── DatabaseInUse    another bot, or this one, has it open
└── RenderError              why one job made no clip; its text is shown to the person who asked
    ├── OutOfMemory          the accelerator is too small for this recipe, even after the retry
    ├── ModelUnusable        the model cannot be loaded, or another one is
    ├── BadAudio             NaN, silence, or a clip of the wrong length
    └── WorkerDied           the worker process ended, or the watchdog ended it
"""

from __future__ import annotations

from bot.locale import ENGLISH, mark, speaking, tr

BLOCKED_WORDS = mark("This server's AutoMod doesn't let these words through.")
"""The stored error of a job or duel whose words AutoMod blocked; notices of it leave the words out."""


class AntiphonError(Exception):
    """The root: whatever is raised on purpose.

    message: an English sentence.  values: of its placeholders. The text is made when it is read, in the
    language of whoever it is shown to; a sentence without values is taken as it is.
    """

    def __init__(self, message: str = "", /, **values: object) -> None:
        super().__init__(message)
        self.message = message
        self.values = values

    def __str__(self) -> str:
        """Return the text in the current language."""
        return tr(self.message, **self.values)

    @property
    def english(self) -> str:
        """The text as it is stored and logged."""
        with speaking(ENGLISH):
            return str(self)


class UserError(AntiphonError):
    """A member's mistake, in plain words with what to do instead."""


class InvalidRecipe(UserError):
    """A value outside what the engine takes, or an option it does not take."""


class LimitReached(UserError):
    """A quota, a full queue, or a wait longer than the place allows."""


class NotAllowed(UserError):
    """The gate refused: the text gives the reason and what would help, and repeats nothing that was typed."""


class WordsRefused(NotAllowed):
    """A word or a link that the server's filter doesn't let through."""


class NotFound(UserError):
    """A job, clip or preset that is not there, or is not theirs."""


class SetupError(AntiphonError):
    """The owner has to mend something; the text is one sentence that says what."""


class ConfigError(SetupError):
    """A setting or a translation that is missing or wrong."""


class ModelMissing(SetupError):
    """No usable model where the settings point."""


class StoreError(SetupError):
    """The database cannot be opened, migrated or written."""


class DatabaseInUse(StoreError):
    """The database is open in a running bot."""


class RenderError(AntiphonError):
    """One job made no clip; the text says why and what to do."""


class OutOfMemory(RenderError):
    """The accelerator is too small for this recipe, even after the retry."""


class ModelUnusable(RenderError):
    """The model cannot be loaded, or the worker has another one for the recipe's mode."""


class BadAudio(RenderError):
    """NaN, silence, or a clip of the wrong length."""


class WorkerDied(RenderError):
    """The worker process ended, or the watchdog ended it."""
