"""Settings: read from the environment and `.env`, checked once at start-up."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from bot import settings_file
from bot.errors import ConfigError, InvalidRecipe
from bot.hub.catalogue import MULTIBAND_MODEL
from bot.hub.naming import model_name
from bot.loras import VARIABLE
from bot.recipe import Mode
from bot.recipe.options import OPTIONS, Option
from bot.redact import hide, hide_named
from bot.remote_address import ADDRESSES, ANYWHERE, is_loopback, parse_addresses
from bot.setting_fields import (
    Secret,
    SettingField,
    boolean,
    fields_of,
    number,
    one_of,
    setting,
    text,
    whole,
)
from bot.settings_file import UnknownName

DISCORD = "https://discord.com/api/v10"
BUILTIN_AR = "antiphon-tiny-ar"
BUILTIN_DIFFUSION = "antiphon-tiny-diffusion"
MULTIBAND = "multiband"


def _address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", text):
        raise ValueError
    return text.rstrip("/")


def _device(text: str) -> str:
    device = text.strip().lower()
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise ValueError
    return device


def _devices(text: str) -> str:
    return ",".join(_device(device) for device in text.split(","))


def _token(value: str) -> Secret:
    """Take what copying adds off a token: blanks, quotes, the scheme of its Authorization header."""
    text = value.strip(" \t\r\n\ufeff\u200b\u00a0\"'`“”„‘’")
    text = re.sub(r"(?i)^(bot|bearer)\s+", "", text)
    # An application's id and its public key stand on the same pages of the developer portal.
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", text) or re.fullmatch(r"\d+|[0-9a-f]{64}", text):
        raise ValueError
    return Secret(text)


def _discord_token(value: str) -> Secret:
    token = _token(value)
    if len(token.get_secret_value()) < 20:
        raise ValueError
    return token


def _ids(value: str) -> tuple[int, ...]:
    """Read Discord's ids, separated by commas or blanks."""
    return tuple(map(whole(1, 2**63 - 1), re.split(r"[\s,]+", value.strip(" ,"))))


def _path(value: str) -> Path:
    if "\0" in value or not value.strip():
        raise ValueError
    try:
        return Path(os.path.expandvars(value.strip())).expanduser()
    except RuntimeError as error:  # ~name of nobody
        raise ValueError from error


def _model(value: str) -> str:
    """Return a model's name or folder, with ~ expanded and without a slash at its end."""
    text = value.strip()
    if not text:
        raise ValueError
    if text.startswith("~"):
        text = str(_path(text))
    return text.rstrip("/" + os.sep) or text


def _models(text: str) -> str | None:
    """Return the names of models, each once; `multiband` has to say over which model's tokens."""
    names = [_model(name) for name in text.split(",") if name.strip()]
    if MULTIBAND in names:
        raise ValueError
    return ",".join(dict.fromkeys(names)) or None


def _check_names(models: Iterable[str]) -> None:
    """Raise ConfigError where two models have one name: members and votes know a folder by its last part."""
    known: dict[str, str] = {}
    for model in models:
        name = model_name(model)
        if known.setdefault(name.casefold(), model) != model:
            raise ConfigError(
                f"Two models of the settings are called “{name}”. Members, the leaderboard and each server's "
                "settings know a folder by the last part of its path alone, so rename one of them, or leave "
                "one out."
            )


def _addresses(text: str) -> str | None:
    return ",".join(parse_addresses(text)) or None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting. A field's description completes the sentence “NAME has to be …”.

    options: the owner's defaults of options of the sampling, by the option's name.
    given: the names of the settings that the owner set.
    """

    discord_token: Secret | None = setting(
        None,
        _discord_token,
        "the bot token from Discord's developer portal (Bot → Reset Token): 20 characters or "
        "more on one line, without blanks, neither the application's id nor its public key",
    )
    discord_api_url: str = setting(DISCORD, _address, f"the address of Discord's REST API, such as {DISCORD}")
    database_path: Path = setting(Path("data/antiphon.db"), _path, "the path of the SQLite file")
    clip_dir: Path = setting(Path("data/clips"), _path, "the folder that keeps the clips")

    models: str | None = setting(
        None,
        _models,
        "names of models or folders separated by commas, the first of each mode its default; "
        "MultiBandDiffusion as multiband:NAME",
    )
    model_memory_gb: float = setting(
        0.0, number(0, 10_000), "a number of gigabytes, 0 for what the device has free"
    )
    ar_model: str = setting(BUILTIN_AR, _model, "a built-in model's name, a hub name or a model folder")
    ar_engine: Literal["antiphon", "audiocraft"] = setting(
        "antiphon", one_of("antiphon", "audiocraft"), "antiphon or audiocraft"
    )
    diffusion_model: str = setting(
        BUILTIN_DIFFUSION, _model, "a built-in model's name, a hub name, a model folder, or multiband"
    )
    device: str = setting("auto", _device, "auto, cpu, cuda, cuda:0 (or another number) or mps")
    devices: str | None = setting(
        None, _devices, "devices separated by commas, one worker each, such as cuda:0,cuda:1 or cpu,cpu"
    )
    executor: Literal["local", "ray"] = setting("local", one_of("local", "ray"), "local or ray")
    ray_address: str | None = setting(
        None, text, "the address of a Ray cluster's head, such as 10.0.0.5:6379"
    )
    cluster_workers: int = setting(
        0, whole(0, 1000), "a whole number from 0 (one a GPU of the cluster) to 1000"
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"] = setting(
        "auto",
        one_of("auto", "float32", "bfloat16", "float16", "int8", "int4"),
        "auto, float32, bfloat16, float16, int8 or int4",
    )
    default_mode: Mode | Literal["auto"] = setting(Mode.AR, one_of(*Mode, "auto"), "ar, diffusion or auto")
    default_seconds: float = setting(10.0, number(1, 600), "a number of seconds from 1 to 600")
    early_preview: bool = setting(
        False, boolean, "true or false: whether the first seconds of a slow clip are posted early"
    )
    lora_dir: Path | None = setting(None, _path, "the folder with LoRAs for ACE-Step")
    remote_engines: str | None = setting(
        None, _addresses, "addresses of music servers separated by commas, such as http://127.0.0.1:8080"
    )
    remote_engines_anywhere: bool = setting(
        False, boolean, "true or false: whether REMOTE_ENGINES may name other machines"
    )
    hf_token: Secret | None = setting(None, _token, "a Hugging Face access token")

    allowed_guilds: tuple[int, ...] = setting(
        (), _ids, "ids of Discord servers separated by commas, or nothing for every server"
    )
    allow_dms: bool = setting(True, boolean, "true or false")
    allow_user_install: bool = setting(True, boolean, "true or false")
    account_days: float = setting(0.0, number(0, 3650), "a number of days from 0 to 3650")
    max_seconds: float = setting(60.0, number(1, 600), "a number of seconds from 1 to 600")
    max_jobs_per_member: int = setting(5, whole(1, 1000), "a whole number from 1 to 1000")
    max_queue: int = setting(500, whole(1, 100_000), "a whole number from 1 to 100000")
    max_presets_per_member: int = setting(100, whole(1, 100_000), "a whole number from 1 to 100000")
    max_presets_per_server: int = setting(500, whole(1, 100_000), "a whole number from 1 to 100000")
    max_attempts: int = setting(2, whole(1, 10), "a whole number from 1 to 10")
    stall_seconds: float = setting(180.0, number(5, 86_400), "a number of seconds from 5 to 86400")
    load_seconds: float = setting(900.0, number(5, 86_400), "a number of seconds from 5 to 86400")
    keep_clips_gb: float = setting(20.0, number(0), "a number of gigabytes, 0 to keep every clip")
    retention_days: float = setting(
        0.0, number(0, 36_500), "a number of days from 0 (keep for ever) to 36500"
    )
    duels_per_member: int = setting(3, whole(1, 1000), "a whole number from 1 to 1000")
    duel_hours: float = setting(24.0, number(0, 720, above=0), "a number of hours above 0, at most 720")
    duel_close_votes: int = setting(0, whole(0, 100_000), "a whole number from 0 (no such limit) to 100000")
    duel_hearing_seconds: float = setting(10.0, number(0, 600), "a number of seconds from 0 to 600")
    duel_heard_share: float = setting(0.5, number(0, 1), "a number from 0 to 1")
    duel_account_days: float = setting(7.0, number(0, 3650), "a number of days from 0 to 3650")
    duel_votes_per_day: int = setting(50, whole(1, 10_000), "a whole number from 1 to 10000")
    metrics_port: int = setting(0, whole(0, 65_535), "a port from 1 to 65535, or 0 for no metrics")
    metrics_host: str = setting(
        "127.0.0.1", text, "the address on which the metrics are served, such as 127.0.0.1"
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", one_of("debug", "info", "warning", "error"), "debug, info, warning or error"
    )
    log_format: Literal["pretty", "json"] = setting("pretty", one_of("pretty", "json"), "pretty or json")
    options: Mapping[str, float | int] = field(default_factory=dict)
    given: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def load(cls, env_file: Path | None = Path(".env")) -> Self:
        """Read the environment, then `env_file` where it exists; what is secret there is hidden from then on.

        Raises ConfigError with one sentence a wrong value. The sentences are made from the names of the
        settings and the numbers of lines alone: a value may be the token.
        """
        lines = settings_file.read(env_file, KNOWN) if env_file is not None else []
        hide_named(os.environ)
        hide_named({f"{one.name}{one.line}": one.value for one in lines})
        inherited = {name.upper(): value for name, value in os.environ.items() if value}
        deciding = {
            one.name.upper(): one
            for one in settings_file.lines_of(lines)
            if one.value and one.name.upper() in KNOWN and one.name.upper() not in inherited
        }
        texts = {name: one.value for name, one in deciding.items()}
        texts |= {name: value for name, value in inherited.items() if name in KNOWN}
        values, wrong = _read(texts)
        if wrong:
            where = {name: f"line {deciding[name].line} of {env_file}" for name in wrong if name in deciding}
            raise ConfigError(
                " ".join(
                    f"{name} has to be {FIELDS[name.lower()].description} "
                    f"({where.get(name, 'set in the environment')})."
                    for name in wrong
                )
            )
        of_options = {name: values.pop(name) for name in OPTIONS if name in values}
        given = frozenset(name.lower() for name in texts)
        settings = cls(**values, options=of_options, given=given)
        hide(*settings.secrets)
        settings.export()
        _check_names(name for _, name in settings.named_models)
        return settings

    @property
    def fallback_mode(self) -> Mode:
        """The mode where one is needed and nobody named any: DEFAULT_MODE, or ar where that is auto."""
        return Mode.AR if self.default_mode == "auto" else self.default_mode

    @property
    def named_models(self) -> tuple[tuple[Mode | None, str], ...]:
        """The models as recipes name them, in order, each with its mode where its setting tells that.

        A name says how the model is run where that decides how a clip sounds: “audiocraft:NAME” by
        audiocraft, “multiband:NAME” by MultiBandDiffusion over that autoregressive model's tokens. Without
        MODELS there is one a mode, from AR_MODEL, AR_ENGINE and DIFFUSION_MODEL, the settings of before.
        """
        if self.models is not None:
            return tuple((None, name) for name in self.models.split(","))
        autoregressive = self.ar_model
        if self.ar_engine == "audiocraft":
            autoregressive = f"audiocraft:{self.ar_model}"
        diffusion = self.diffusion_model
        if diffusion == MULTIBAND:
            diffusion = f"{MULTIBAND}:{self.ar_model}"
        return (Mode.AR, autoregressive), (Mode.DIFFUSION, diffusion)

    @property
    def superseded(self) -> tuple[str, ...]:
        """The settings of before that MODELS replaces and that are set all the same: they have no effect."""
        before = ("ar_model", "ar_engine", "diffusion_model") if self.models is not None else ()
        return tuple(name.upper() for name in before if name in self.given)

    @property
    def exported(self) -> dict[str, str]:
        """Settings as environment variables of this process and its workers: music servers, LoRAs."""
        found = {VARIABLE: str(self.lora_dir.resolve())} if self.lora_dir is not None else {}
        if self.remote_engines is None:
            return found
        return found | {ADDRESSES: self.remote_engines, ANYWHERE: str(self.remote_engines_anywhere).lower()}

    def export(self) -> None:
        """Put these settings into the environment. Raises ConfigError for a forbidden server."""
        elsewhere = [one for one in (self.remote_engines or "").split(",") if one and not is_loopback(one)]
        if elsewhere and not self.remote_engines_anywhere:
            raise ConfigError(
                f"{ADDRESSES} names another machine ({elsewhere[0]}), and nothing protects the way there: "
                f"run the server on this one, or set {ANYWHERE}=true if the network between them is yours."
            )
        os.environ.update(self.exported)

    @property
    def worker_devices(self) -> tuple[str, ...]:
        """The device of each worker: DEVICES, or DEVICE alone."""
        return tuple(self.devices.split(",")) if self.devices else (self.device,)

    @property
    def secrets(self) -> list[str]:
        """Values that are hidden from logs."""
        held = (self.discord_token, self.hf_token)
        return [secret.get_secret_value() for secret in held if secret is not None]

    @property
    def files_of(self) -> set[str]:
        """The models whose files are needed, as the hub or the disk names them."""
        files: set[str] = set()
        for _, name in self.named_models:
            prefix, _, of = name.partition(":")
            if prefix == MULTIBAND:
                files |= {MULTIBAND_MODEL, of}
            else:
                files.add(of if prefix == "audiocraft" else name)
        return files

    def option_default(self, name: str) -> float | int | None:
        """Return the owner's default for an option of the table, or None where the engine's own holds."""
        return self.options.get(name)

    def required_token(self) -> Secret:
        """Return the token, or raise ConfigError with what to do where there is none."""
        if self.discord_token is None:
            raise ConfigError(
                "DISCORD_TOKEN is missing: put the bot token from Discord's developer portal into .env, "
                "or run `antiphon sandbox`, which needs none."
                + (" (There is a file .env.txt: rename it to .env.)" if Path(".env.txt").is_file() else "")
            )
        return self.discord_token


def _option_field(option: Option) -> SettingField:
    return SettingField(None, option.parse, option.range)


FIELDS: Mapping[str, SettingField] = fields_of(Settings) | {
    name: _option_field(option) for name, option in OPTIONS.items() if option.has_setting
}
"""Every setting by its name, a default for each option of the sampling included."""
KNOWN = frozenset(name.upper() for name in FIELDS)
"""The settings' names in the environment and in .env."""


def _read(texts: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of texts by the names of their settings, and which names have wrong ones, sorted.

    texts: by the settings' names in capitals.
    """
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in texts.items():
        try:
            values[name.lower()] = FIELDS[name.lower()].read(value)
        except (ValueError, OverflowError, InvalidRecipe):
            wrong.append(name)
    return values, sorted(wrong)


def unknown_names(env_file: Path = Path(".env")) -> list[UnknownName]:
    """Return the lines of `env_file` with unknown names. Raises ConfigError if it cannot be read."""
    return settings_file.unknown_names(settings_file.read(env_file, KNOWN), KNOWN)
