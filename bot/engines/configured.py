"""The models that the settings name: which of them are installed, and what members call them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping

from bot.config import Settings
from bot.engines.base import Engines
from bot.errors import InvalidRecipe, ModelMissing, UserError
from bot.hub.naming import model_name
from bot.locale import tr
from bot.recipe import Mode, ModelRef, validate_mode
from bot.recipe.capabilities import Capabilities

_SEPARATOR = " · "
"""Between a model's label and what a choice of autocomplete adds to it."""


_LABEL_CHARACTERS = 60
"""So that a choice of autocomplete, 100 characters at most, has room for what is said beside it."""


class InstalledModels(Mapping[ModelRef, Capabilities]):
    """What each installed model takes, in the order of the settings; the first of a mode is its default."""

    def __init__(self, installed: Iterable[Capabilities]) -> None:
        self._installed = {one.model_ref: one for one in installed}
        self._labels = _labels(self._installed)
        self.defaults: dict[Mode, Capabilities] = {}
        """The default model of each mode that has one."""
        for capabilities in self._installed.values():
            self.defaults.setdefault(capabilities.mode, capabilities)

    def __getitem__(self, model: ModelRef) -> Capabilities:
        return self._installed[model]

    def __iter__(self) -> Iterator[ModelRef]:
        return iter(self._installed)

    def __len__(self) -> int:
        return len(self._installed)

    def label(self, model: ModelRef) -> str:
        """Return the name that members choose a model by: short, without a folder's path, and its own."""
        return self._labels[model]

    def named(self, text: str) -> Capabilities:
        """Return the model of a label, of a choice that begins with one, or of a whole name.

        Raises UserError, with the names that there are.
        """
        wanted = text.strip().casefold()
        for model, label in self._labels.items():
            known = label.casefold()
            if wanted in (known, model.name.casefold()) or wanted.startswith(known + _SEPARATOR):
                return self[model]
        there = ", ".join(f"`{label}`" for label in self._labels.values())
        raise UserError("There is no such model here. There is {there}.", there=there or tr("none"))

    def default(self, mode: Mode) -> Capabilities:
        """Return a mode's default model. Raises UserError where no model is installed for it."""
        if mode not in self.defaults:
            raise UserError(
                "No model is installed for mode {mode} here. The owner can see what to do with "
                "`antiphon doctor`.",
                mode=mode,
            )
        return self.defaults[mode]

    def chosen(
        self, mode: str | None, model: str | None, default_mode: Mode, allowed: Collection[str] = ()
    ) -> Capabilities:
        """Return the model that a request is for: the one it names, else its mode's default.

        allowed: names of those that a server allows, empty for all; another of them stands in for a default
        that is none of them, of the named mode where there is one.
        Raises UserError where both are given and differ, or the model is not there.
        """
        if model is not None:
            found = self.named(model)
            if mode and validate_mode(mode) is not found.mode:
                raise InvalidRecipe(
                    "`{label}` is a model of mode {mode}. Leave `mode` out: it follows from the model.",
                    label=self.label(found.model_ref),
                    mode=found.mode,
                )
            return found
        if mode:
            default = self.default(validate_mode(mode))
            usual = [default, *(one for one in self.values() if one.mode is default.mode)]
        else:
            usable = default_mode in self.defaults or not self.defaults
            default = self.default(default_mode if usable else next(iter(self.defaults)))
            usual = [default, *sorted(self.values(), key=lambda one: one.mode is not default.mode)]
        return next((one for one in usual if not allowed or model_name(one.model) in allowed), default)

    def of_preset(
        self, of_mode: Mode, of_model: str, mode: str | None, model: str | None
    ) -> tuple[Capabilities, str]:
        """Return the model that a preset is used with, and why it is another than the preset's, or nothing.

        of_mode, of_model: the preset's, where the latter may be empty.  mode, model: what the member chose
        instead.  Raises UserError as `chosen`.
        """
        if model is not None or not of_model or (mode and validate_mode(mode) is not of_mode):
            return self.chosen(mode if model else mode or of_mode, model, of_mode), ""
        with contextlib.suppress(UserError):
            found = self.named(of_model)
            if found.mode is of_mode:
                return found, ""
        return self.default(of_mode), f"the preset's own, {of_model}, isn't on this bot"


def configured_models(settings: Settings, engines: Engines) -> tuple[ModelRef, ...]:
    """Return the models of the settings with their modes, in their order.

    A name whose mode nobody can tell is left out: it is neither on this machine nor in the catalogue.
    """
    found = ((mode or engines.mode_of(name), name) for mode, name in settings.named_models)
    return tuple(dict.fromkeys(ModelRef(mode, name) for mode, name in found if mode is not None))


def described(settings: Settings, engines: Engines) -> Iterator[tuple[str, Capabilities | ModelMissing]]:
    """Yield the name of each model of the settings, and what it takes or why it is not there."""
    for mode, name in settings.named_models:
        try:
            yield name, engines.describe(mode or engines.mode_of(name) or settings.fallback_mode, name)
        except ModelMissing as missing:
            yield name, missing


def _labels(models: Iterable[ModelRef]) -> dict[ModelRef, str]:
    """Return a label a model; of long names that begin alike the second has a number."""
    labels: dict[ModelRef, str] = {}
    for model in models:
        name, number = model_name(model.name)[:_LABEL_CHARACTERS], 1
        while (label := name if number == 1 else f"{name} #{number}") in labels.values():
            number += 1
        labels[model] = label
    return labels
