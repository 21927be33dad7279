from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Settings, unknown_keys
from bot.errors import ConfigError
from bot.recipe import Mode

TOKEN = "a-very-secret-token-0123456789"
EXAMPLE = Path(__file__).parents[1] / ".env.example"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def load(tmp_path: Path, text: str) -> Settings:
    env = tmp_path / ".env"
    env.write_text(text, encoding="utf-8")
    return Settings.load(env)


def test_the_defaults_need_no_file(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path / "absent")
    assert settings.default_mode is Mode.AR
    assert settings.discord_token is None


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_SECONDS", "20")
    assert load(tmp_path, "DEFAULT_SECONDS=30").default_seconds == 20


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("DEFAULT_SECONDS=soon", "DEFAULT_SECONDS has to be a number of seconds from 1 to 600."),
        ("DEFAULT_SECONDS=0", "DEFAULT_SECONDS has to be a number of seconds from 1 to 600."),
        ("DEFAULT_MODE=loud", "DEFAULT_MODE has to be ar or diffusion."),
        ("DEVICE=cuda:x", "DEVICE has to be auto, cpu, cuda, cuda:0 (or another number) or mps."),
        ("DISCORD_API_URL=discord.com", "DISCORD_API_URL has to be the address of Discord's REST API"),
        ("LOG_LEVEL=verbose", "LOG_LEVEL has to be debug, info, warning or error."),
        ("DISCORD_TOKEN=short", "DISCORD_TOKEN has to be the bot token"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_right(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, line)
    assert str(caught.value).startswith(sentence)


def test_no_message_holds_the_token(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"DISCORD_TOKEN={TOKEN}\nTOP_K=many\nTEMPERATURE=-1")
    chain: BaseException | None = caught.value
    while chain is not None:
        assert TOKEN not in str(chain) + repr(chain)
        chain = chain.__context__
    assert "TOP_K" in str(caught.value)
    assert "TEMPERATURE" in str(caught.value)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"AR_MODEL=caf\xe9")
    with pytest.raises(ConfigError, match="UTF-8"):
        Settings.load(tmp_path / ".env")


def test_unknown_keys_are_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKNE=x\nAR_MODEL=y\n")
    assert unknown_keys(tmp_path / ".env") == ["DISCORD_TOKNE"]


def test_a_missing_token_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"DISCORD_TOKEN is missing.*\.env"):
        Settings.load(tmp_path / "absent").required_token()


def test_the_example_holds_every_setting_with_its_default(tmp_path: Path) -> None:
    lines = [line.lstrip("#") for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    given = dict(line.split("=", 1) for line in lines if "=" in line and line.split("=")[0].isupper())
    assert given.keys() == {name.upper() for name in Settings.model_fields}
    assert load(tmp_path, "\n".join(f"{k}={v}" for k, v in given.items())) == Settings.load(
        tmp_path / "absent"
    )


def test_how_a_musicgen_is_run_is_part_of_its_name(tmp_path: Path) -> None:
    text = "AR_MODEL=facebook/musicgen-small\nAR_ENGINE=Audiocraft\nDIFFUSION_MODEL=multiband"
    assert load(tmp_path, text).models == {
        Mode.AR: "audiocraft:facebook/musicgen-small",
        Mode.DIFFUSION: "multiband:facebook/musicgen-small",
    }
    needed = {"facebook/musicgen-small", "facebook/multiband-diffusion"}
    assert load(tmp_path, text).files_of == needed
    assert load(tmp_path, "").files_of == {"antiphon-tiny-ar", "antiphon-tiny-diffusion"}
    with pytest.raises(ConfigError, match="AR_ENGINE has to be antiphon or audiocraft"):
        load(tmp_path, "AR_ENGINE=fast")
