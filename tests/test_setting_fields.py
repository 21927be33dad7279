"""What reads the owner's texts takes what people write, and refuses the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.config import FIELDS
from bot.recipe import Mode
from bot.setting_fields import Secret, boolean, number, one_of, whole


@pytest.mark.parametrize(
    ("read", "written", "value"),
    [
        (boolean, "Yes", True),
        (boolean, " off ", False),
        (whole(1, 5), "5", 5),
        (whole(1, 5), "5.0", 5),
        (number(0, 1), "1e-1", 0.1),
        (number(0), "1e300", 1e300),
        (one_of("local", "ray"), " RAY", "ray"),
        (one_of(*Mode, "auto"), "Diffusion", Mode.DIFFUSION),
        (FIELDS["allowed_guilds"].read, "7, 8 9", (7, 8, 9)),
        (FIELDS["top_k"].read, "12", 12),
    ],
)
def test_a_text_becomes_its_value(read: Callable[[str], object], written: str, value: object) -> None:
    found = read(written)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (boolean, "maybe"),
        (whole(1, 5), "6"),
        (whole(1, 5), "0"),
        (whole(1, 5), "2.5"),
        (whole(1, 5), "inf"),
        (number(0, 1), "nan"),
        (number(0, 1), "1.01"),
        (number(0, 1), "-0.01"),
        (number(0, 1, above=0), "0"),
        (one_of("local", "ray"), "cloud"),
        (FIELDS["allowed_guilds"].read, "7;8"),
        (FIELDS["allowed_guilds"].read, "0"),
        (FIELDS["ar_model"].read, " "),
    ],
)
def test_another_text_is_refused(read: Callable[[str], object], written: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        read(written)


def test_a_secret_is_shown_nowhere() -> None:
    secret = Secret("open sesame")
    assert "sesame" not in f"{secret} {secret!r}"
    assert secret.get_secret_value() == "open sesame"
