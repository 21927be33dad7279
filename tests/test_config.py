from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import FIELDS, Settings, unknown_names
from bot.errors import ConfigError
from bot.recipe import Mode
from bot.recipe.options import OPTIONS

TOKEN = "a-very-secret-token-0123456789"
EXAMPLE = Path(__file__).parents[1] / ".env.example"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FIELDS:
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
        ("DEFAULT_SECONDS=soon", "DEFAULT_SECONDS has to be a number of seconds from 1 to 600"),
        ("DEFAULT_SECONDS=0", "DEFAULT_SECONDS has to be a number of seconds from 1 to 600"),
        ("DEFAULT_MODE=loud", "DEFAULT_MODE has to be ar, diffusion or auto"),
        ("DEVICE=cuda:x", "DEVICE has to be auto, cpu, cuda, cuda:0 (or another number) or mps"),
        ("DEVICES=cuda:0,gpu", "DEVICES has to be devices separated by commas, one worker each"),
        ("DISCORD_API_URL=discord.com", "DISCORD_API_URL has to be the address of Discord's REST API"),
        ("LOG_LEVEL=verbose", "LOG_LEVEL has to be debug, info, warning or error"),
        ("DISCORD_TOKEN=short", "DISCORD_TOKEN has to be the bot token"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_right(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, line)
    assert str(caught.value).startswith(sentence)


def test_each_of_several_devices_gets_a_worker(tmp_path: Path) -> None:
    assert load(tmp_path, "DEVICE=cpu").worker_devices == ("cpu",)
    assert load(tmp_path, "DEVICE=cpu\nDEVICES=CUDA:0, cuda:1").worker_devices == ("cuda:0", "cuda:1")


def test_no_message_holds_the_token(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"DISCORD_TOKEN={TOKEN}\nTOP_K=many\nTEMPERATURE=-1")
    chain: BaseException | None = caught.value
    while chain is not None:
        assert TOKEN not in str(chain) + repr(chain)
        chain = chain.__context__
    assert "TOP_K" in str(caught.value)
    assert "TEMPERATURE" in str(caught.value)


def test_an_unknown_name_is_told_by_its_line_and_the_name_it_is_like(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKNE=x\nAR_MODEL=y\nMTAwMDAwMDAw=z\n")
    first, second = map(str, unknown_names(tmp_path / ".env"))
    assert first.startswith("Line 1 of .env sets a name that isn't a setting (did you mean DISCORD_TOKEN?)")
    assert second == "Line 3 of .env sets a name that isn't a setting. It is ignored."


@pytest.mark.parametrize("name", ["DATABASE_PATH", "CLIP_DIR", "AR_MODEL", "DIFFUSION_MODEL"])
@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_home_is_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    if source == "environment":
        monkeypatch.setenv(name, "~/kept")
    settings = load(tmp_path, f"{name}=~/kept\n" if source == "file" else "")
    assert str(getattr(settings, name.lower())) == str(tmp_path / "kept")


def test_the_home_of_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CLIP_DIR has to be the folder"):
        load(tmp_path, "CLIP_DIR=~nobody-has-this-name/clips")


def test_a_slash_after_a_folder_is_no_other_model(tmp_path: Path) -> None:
    for setting in ("AR_MODEL", "MODELS"):
        one, other = (load(tmp_path, f"{setting}=/models/small{slash}") for slash in ("/", ""))
        assert one.named_models == other.named_models


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    for models in ("/models/small,/other/Small", "antiphon-tiny-ar,/models/antiphon-tiny-ar"):
        with pytest.raises(ConfigError, match=r"Two models of the settings are called “.*so rename one"):
            load(tmp_path, f"MODELS={models}")
    with pytest.raises(ConfigError, match="Two models"):
        load(tmp_path, "AR_MODEL=/a/x\nDIFFUSION_MODEL=/b/x")
    apart = "/models/small,facebook/small,other/small,audiocraft:/models/small"
    assert len(load(tmp_path, f"MODELS={apart}").named_models) == 4


@pytest.mark.parametrize(
    "written",
    [
        f"Bot {TOKEN}",
        f"“{TOKEN}”",
        f'"Bot {TOKEN}"',
        f"\u200b{TOKEN}\ufeff",
        f" {TOKEN} \t",
        f"\u00a0{TOKEN}\u00a0",
    ],
)
@pytest.mark.parametrize("source", ["file", "environment"])
def test_a_token_is_taken_as_it_was_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, source: str
) -> None:
    if source == "environment":
        monkeypatch.setenv("DISCORD_TOKEN", written)
    settings = load(tmp_path, f"DISCORD_TOKEN={written}\n" if source == "file" else "")
    assert settings.required_token().get_secret_value() == TOKEN


@pytest.mark.parametrize(
    "written",
    ["1234567890123456789", "0f" * 32, TOKEN[:10] + " " + TOKEN[10:], f"{TOKEN}\n{TOKEN}", "ключ" * 9],
)
def test_what_is_no_token_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", written)
    with pytest.raises(ConfigError, match=r"DISCORD_TOKEN has to be .* \(set in the environment\)") as caught:
        load(tmp_path, "")
    assert written not in str(caught.value)


def test_a_wrong_value_is_found_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"TOP_K has to be .* \(line 3 of .*\.env\)"):
        load(tmp_path, "# mine\n\nTOP_K=many\n")


def test_a_later_empty_line_takes_nothing_back(tmp_path: Path) -> None:
    assert load(tmp_path, f"DISCORD_TOKEN={TOKEN}\nDISCORD_TOKEN=\n").discord_token is not None
    assert load(tmp_path, "TOP_K=1\nTOP_K=2\n").option_default("top_k") == 2


def test_a_file_that_windows_named_otherwise_is_pointed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env.txt").write_text(f"DISCORD_TOKEN={TOKEN}")
    with pytest.raises(ConfigError, match=r"rename it to \.env"):
        Settings.load().required_token()


def test_a_missing_token_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"DISCORD_TOKEN is missing.*\.env"):
        Settings.load(tmp_path / "absent").required_token()


def test_the_example_holds_every_setting_with_its_default(tmp_path: Path) -> None:
    lines = [line.lstrip("#") for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    given = dict(line.split("=", 1) for line in lines if "=" in line and line.split("=")[0].isupper())
    known = {name.upper() for name in FIELDS}
    assert given.keys() <= known
    # The defaults of options come from their table; the file shows some.
    assert known - given.keys() <= {name.upper() for name in OPTIONS}
    assert load(tmp_path, "\n".join(f"{k}={v}" for k, v in given.items())) == Settings.load(
        tmp_path / "absent"
    )


def test_how_a_musicgen_is_run_is_part_of_its_name(tmp_path: Path) -> None:
    text = "AR_MODEL=facebook/musicgen-small\nAR_ENGINE=Audiocraft\nDIFFUSION_MODEL=multiband"
    assert load(tmp_path, text).named_models == (
        (Mode.AR, "audiocraft:facebook/musicgen-small"),
        (Mode.DIFFUSION, "multiband:facebook/musicgen-small"),
    )
    needed = {"facebook/musicgen-small", "facebook/multiband-diffusion"}
    assert load(tmp_path, text).files_of == needed
    assert load(tmp_path, "").files_of == {"antiphon-tiny-ar", "antiphon-tiny-diffusion"}
    models = "MODELS=antiphon-tiny-ar, multiband:facebook/musicgen-small ,,/models/x/,antiphon-tiny-ar"
    named = ["antiphon-tiny-ar", "multiband:facebook/musicgen-small", "/models/x"]
    assert load(tmp_path, models).named_models == tuple((None, name) for name in named)
    assert load(tmp_path, models).files_of == {"antiphon-tiny-ar", "/models/x", *needed}
    assert load(tmp_path, f"{models}\n{text}").superseded == ("AR_MODEL", "AR_ENGINE", "DIFFUSION_MODEL")
    assert load(tmp_path, text).superseded == ()
    with pytest.raises(ConfigError, match=r"MODELS has to be names of models.* as multiband:NAME"):
        load(tmp_path, "MODELS=antiphon-tiny-ar,multiband")
    with pytest.raises(ConfigError, match="AR_ENGINE has to be antiphon or audiocraft"):
        load(tmp_path, "AR_ENGINE=fast")
