"""What reads the owner's texts takes what people write, and refuses the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Settings, read_setting
from bot.errors import InvalidRecipe
from bot.recipe import Mode
from bot.setting_fields import Secret


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("early_preview", "Yes", True),
        ("early_preview", " TRUE ", True),
        ("allow_dms", " off ", False),
        ("max_attempts", "5", 5),
        ("max_attempts", "5.0", 5),
        ("duel_heard_share", "1e-1", 0.1),
        ("keep_clips_gb", "1e300", 1e300),
        ("executor", " RAY", "ray"),
        ("default_mode", "Diffusion", Mode.DIFFUSION),
        ("default_mode", "AUTO", "auto"),
        ("devices", "CUDA:0 , cpu", "cuda:0,cpu"),
        ("discord_api_url", "http://127.0.0.1:80/api/", "http://127.0.0.1:80/api"),
        ("allowed_guilds", "7, 8 9", (7, 8, 9)),
        ("allowed_guilds", f"{2**63 - 1}", (2**63 - 1,)),
        ("top_k", "12", 12),
    ],
)
def test_a_text_becomes_its_value(name: str, written: str, value: object) -> None:
    found = read_setting(name, written)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("early_preview", "maybe"),
        ("max_attempts", "11"),
        ("max_attempts", "0"),
        ("max_attempts", "2.5"),
        ("max_attempts", "inf"),
        ("keep_clips_gb", "nan"),
        ("duel_heard_share", "nan"),
        ("duel_heard_share", "inf"),
        ("duel_heard_share", "1.01"),
        ("duel_heard_share", "-0.01"),
        ("duel_hours", "0"),
        ("executor", "cloud"),
        ("allowed_guilds", "7;8"),
        ("allowed_guilds", "0"),
        ("allowed_guilds", f"{2**63}"),
        ("ar_model", " "),
        ("ray_address", " "),
        ("top_k", "inf"),
    ],
)
def test_another_text_is_refused(name: str, written: str) -> None:
    with pytest.raises((ValueError, InvalidRecipe)):
        read_setting(name, written)


def test_values_are_taken_as_they_are() -> None:
    token = Secret("x" * 40)
    settings = Settings(
        discord_token=token, clip_dir=Path("~/$HOME/clips"), allowed_guilds=(7,), default_mode=Mode.DIFFUSION
    )
    assert settings.discord_token is token
    assert settings.clip_dir == Path("~/$HOME/clips")
    assert settings.allowed_guilds == (7,)
    assert settings.default_mode is Mode.DIFFUSION


def test_a_secret_is_shown_nowhere() -> None:
    secret = Secret("open sesame")
    assert "sesame" not in f"{secret} {secret!r}"
    assert secret.get_secret_value() == "open sesame"
