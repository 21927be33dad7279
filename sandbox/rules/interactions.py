"""The rules of answering interactions: in time, once, with what fits, while the token lives."""

from __future__ import annotations

from typing import Any

from sandbox.errors import ApiError, FormError, unknown
from sandbox.model import Callback, Interaction, InteractionType, Json
from sandbox.rules.book import Rulebook, rule
from sandbox.rules.components import MODAL, judge_tree
from sandbox.rules.shapes import (
    Anything,
    Choice,
    Fields,
    Integer,
    ListOf,
    Report,
    Shape,
    Text,
    judge,
)

ACK_WITHIN = 3.0
"""Seconds in which an interaction is to be acknowledged; source: Discord's "Receiving and Responding"."""
MAX_FOLLOWUPS = 5
"""Follow-ups where only the user has installed the app; source: the same page."""

ACK_IN_TIME = rule("acknowledge_in_time", "An interaction is acknowledged within 3 seconds (10062).")
ACK_ONCE = rule("acknowledge_once", "An interaction is acknowledged once (40060).")
TOKEN_ALIVE = rule("token_life", "An interaction token dies after 15 minutes (50027).")
ACK_FIRST = rule("acknowledge_first", "A follow-up comes after the acknowledgement (10015).")
CALLBACK_FITS = rule("callback_fits", "The kind of callback fits the kind of interaction.")
FOLLOWUPS = rule("followup_limit", "Five follow-ups where only the user has installed the app (40094).")
DEFERRED_DELETED = rule(
    "deferred_answer_deleted", "After a deferred answer was deleted, nothing answers the interaction (10008)."
)
FORCED_EPHEMERAL = rule(
    "forced_ephemeral", "Without Use External Apps, a user-installed application answers the member alone."
)
CHOICES = rule("autocomplete_choices", "Autocomplete offers at most 25 choices.")
CHOICE_NAME = rule(
    "autocomplete_choice_name_length", "An autocomplete choice's name has 1 to 100 characters."
)
CHOICE_VALUE = rule(
    "autocomplete_choice_value_length", "An autocomplete choice's text value has at most 100 characters."
)
CHOICE_TYPE = rule("autocomplete_choice_type", "An autocomplete choice's value has the option's type.")

_FITTING: dict[int, set[Callback]] = {
    InteractionType.APPLICATION_COMMAND: {Callback.MESSAGE, Callback.DEFERRED_MESSAGE, Callback.MODAL},
    InteractionType.MESSAGE_COMPONENT: {
        Callback.MESSAGE,
        Callback.DEFERRED_MESSAGE,
        Callback.DEFERRED_UPDATE,
        Callback.UPDATE_MESSAGE,
        Callback.MODAL,
    },
    InteractionType.AUTOCOMPLETE: {Callback.AUTOCOMPLETE},
    InteractionType.MODAL_SUBMIT: {Callback.MESSAGE, Callback.DEFERRED_MESSAGE},
}
_FROM_MESSAGE = {Callback.DEFERRED_UPDATE, Callback.UPDATE_MESSAGE}
_CALLBACK = Fields({"type": Choice([int(kind) for kind in Callback]), "data": Anything()}, required=("type",))


class _ChoiceValue:
    def check(self, value: Any, path: tuple[str | int, ...], report: Report) -> None:
        if isinstance(value, str):
            Text(0, 100, CHOICE_VALUE).check(value, path, report)
        elif not isinstance(value, (int, float)) or isinstance(value, bool):
            report.add(path, "BASE_TYPE_STRING", "Could not interpret as string.")


_choice: dict[str, Shape] = {"name": Text(1, 100, CHOICE_NAME), "value": _ChoiceValue()}
_SUGGESTIONS = Fields({"choices": ListOf(Fields(_choice, required=tuple(_choice)), 0, 25, CHOICES)})
_FLAGS = Fields({"flags": Integer(0, (1 << 31) - 1)})


def judge_callback(interaction: Interaction, body: Any, now: float, rules: Rulebook) -> Callback:
    """The kind of a callback that may be taken now; raises for every other."""
    judge(_CALLBACK, body, rules)
    if interaction.callback is not None:
        if ACK_ONCE in rules:
            raise ApiError(400, 40060, "Interaction has already been acknowledged.")
    elif now - interaction.created_at > ACK_WITHIN and ACK_IN_TIME in rules:
        raise unknown("Interaction")
    kind = Callback(body["type"])
    fitting = set(_FITTING[interaction.type])
    if interaction.type == InteractionType.MODAL_SUBMIT and interaction.message_id is not None:
        fitting |= _FROM_MESSAGE
    if kind not in fitting and CALLBACK_FITS in rules:
        listed = ", ".join(str(int(one)) for one in sorted(fitting))
        raise FormError([(("type",), "BASE_TYPE_CHOICES", f"Value must be one of ({listed}).")])
    if kind in _FROM_MESSAGE and interaction.message_id is None:
        raise FormError([(("type",), "BASE_TYPE_CHOICES", "There is no message to update.")])
    data = body.get("data")
    if kind in (Callback.DEFERRED_MESSAGE, Callback.MESSAGE) and data is not None:
        judge(_FLAGS, data, rules, ("data",))
    if kind == Callback.AUTOCOMPLETE:
        judge(_SUGGESTIONS, data, rules, ("data",))
        _judge_suggestion_types(interaction, data, rules)
    if kind == Callback.MODAL:
        judge(MODAL, data, rules, ("data",))
        report = Report(rules)
        judge_tree(data["components"], report, ("data", "components"))
        report.close()
    return kind


def judge_token(interaction: Interaction, now: float, life: float, rules: Rulebook) -> None:
    """Raise unless the interaction's token may be used for messages now."""
    if now - interaction.created_at > life and TOKEN_ALIVE in rules:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if interaction.callback is None and ACK_FIRST in rules:
        raise unknown("Webhook")


def judge_followup(interaction: Interaction, rules: Rulebook) -> None:
    """Raise if the interaction has had all its follow-ups."""
    if "0" not in interaction.owners and interaction.followups >= MAX_FOLLOWUPS and FOLLOWUPS in rules:
        raise ApiError(400, 40094, "This interaction has reached its maximum number of follow up messages")


def _judge_suggestion_types(interaction: Interaction, data: Json, rules: Rulebook) -> None:
    focused = focused_option(interaction.data.get("options") or [])
    if focused is None or CHOICE_TYPE not in rules:
        return
    wanted: dict[int, tuple[type, ...]] = {3: (str,), 4: (int,), 10: (int, float)}
    fits = wanted.get(focused["type"], (str, int, float))
    problems = [
        (
            ("data", "choices", index, "value"),
            "BASE_TYPE_STRING",
            "The value does not have the option's type.",
        )
        for index, choice in enumerate(data.get("choices") or [])
        if not isinstance(choice["value"], fits)
    ]
    if problems:
        raise FormError(problems)


def focused_option(options: list[Json]) -> Json | None:
    """The option being typed in an autocomplete interaction."""
    for option in options:
        if option.get("focused"):
            return option
        inner = focused_option(option.get("options") or [])
        if inner is not None:
            return inner
    return None
