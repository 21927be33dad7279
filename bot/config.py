"""Settings: read from the environment and `.env`, checked once at start-up."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, create_model
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot import settings_file
from bot.errors import ConfigError
from bot.hub.catalogue import MULTIBAND_MODEL
from bot.hub.naming import model_name
from bot.loras import VARIABLE
from bot.recipe import Mode
from bot.recipe.options import OPTIONS, Option
from bot.redact import hide, hide_named
from bot.remote_address import ADDRESSES, ANYWHERE, is_loopback, parse_addresses
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
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise ValueError
    return text


def _devices(text: str | None) -> str | None:
    return ",".join(_device(device.strip()) for device in text.split(",")) if text else text


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _token(value: object) -> object:
    """Take what copying adds off a token: blanks, quotes, the scheme of its Authorization header."""
    if not isinstance(value, str):
        return value
    text = value.strip(" \t\r\n\ufeff\u200b\u00a0\"'`“”„‘’")
    text = re.sub(r"(?i)^(bot|bearer)\s+", "", text)
    # An application's id and its public key stand on the same pages of the developer portal.
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", text) or re.fullmatch(r"\d+|[0-9a-f]{64}", text):
        raise ValueError
    return text


def _ids(value: object) -> object:
    """Read Discord's ids, separated by commas or blanks."""
    return tuple(re.split(r"[\s,]+", value.strip(" ,"))) if isinstance(value, str) else value


def _path(value: object) -> object:
    if not isinstance(value, str):
        return value
    if "\0" in value or not value.strip():
        raise ValueError
    try:
        return Path(os.path.expandvars(value.strip())).expanduser()
    except RuntimeError as error:  # ~name of nobody
        raise ValueError from error


def _model(value: object) -> object:
    """Return a model's name or folder, with ~ expanded and without a slash at its end."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("~"):
        text = str(_path(text))
    return text.rstrip("/" + os.sep) or text


def _models(text: str | None) -> str | None:
    """Return the names of models, each once; `multiband` has to say over which model's tokens."""
    names = [str(_model(name)) for name in (text or "").split(",") if name.strip()]
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


def _addresses(text: str | None) -> str | None:
    return ",".join(parse_addresses(text or "")) or None


def _option_field(option: Option) -> tuple[Any, Any]:
    low, high = option.bounds.low, option.bounds.high
    return option.type | None, Field(None, ge=low, le=high, description=option.range)


if TYPE_CHECKING:
    OptionDefaults = BaseSettings
else:
    # The settings that the table of options gives: a default for each option of the sampling.
    OptionDefaults = create_model(
        "OptionDefaults",
        __base__=BaseSettings,
        **{name: _option_field(option) for name, option in OPTIONS.items() if option.has_setting},
    )


class Settings(OptionDefaults):
    """Every setting. A field's description completes the sentence “NAME has to be …”."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    discord_token: Annotated[SecretStr | None, BeforeValidator(_token)] = Field(
        None,
        min_length=20,
        description="the bot token from Discord's developer portal (Bot → Reset Token): 20 characters or "
        "more on one line, without blanks, neither the application's id nor its public key",
    )
    discord_api_url: Annotated[str, AfterValidator(_address)] = Field(
        DISCORD, description=f"the address of Discord's REST API, such as {DISCORD}"
    )
    database_path: Annotated[Path, BeforeValidator(_path)] = Field(
        Path("data/antiphon.db"), description="the path of the SQLite file"
    )
    clip_dir: Annotated[Path, BeforeValidator(_path)] = Field(
        Path("data/clips"), description="the folder that keeps the clips"
    )

    models: Annotated[str | None, AfterValidator(_models)] = Field(
        None,
        description="names of models or folders separated by commas, the first of each mode its default; "
        "MultiBandDiffusion as multiband:NAME",
    )
    model_memory_gb: float = Field(
        0, ge=0, le=10_000, description="a number of gigabytes, 0 for what the device has free"
    )
    ar_model: Annotated[str, BeforeValidator(_model)] = Field(
        BUILTIN_AR, min_length=1, description="a built-in model's name, a hub name or a model folder"
    )
    ar_engine: Annotated[Literal["antiphon", "audiocraft"], BeforeValidator(_lower)] = Field(
        "antiphon", description="antiphon or audiocraft"
    )
    diffusion_model: Annotated[str, BeforeValidator(_model)] = Field(
        BUILTIN_DIFFUSION,
        min_length=1,
        description="a built-in model's name, a hub name, a model folder, or multiband",
    )
    device: Annotated[str, BeforeValidator(_lower), AfterValidator(_device)] = Field(
        "auto", description="auto, cpu, cuda, cuda:0 (or another number) or mps"
    )
    devices: Annotated[str | None, BeforeValidator(_lower), AfterValidator(_devices)] = Field(
        None, description="devices separated by commas, one worker each, such as cuda:0,cuda:1 or cpu,cpu"
    )
    executor: Annotated[Literal["local", "ray"], BeforeValidator(_lower)] = Field(
        "local", description="local or ray"
    )
    ray_address: str | None = Field(
        None, description="the address of a Ray cluster's head, such as 10.0.0.5:6379"
    )
    cluster_workers: int = Field(
        0, ge=0, le=1000, description="a whole number from 0 (one a GPU of the cluster) to 1000"
    )
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"], BeforeValidator(_lower)
    ] = Field("auto", description="auto, float32, bfloat16, float16, int8 or int4")
    default_mode: Annotated[Mode | Literal["auto"], BeforeValidator(_lower)] = Field(
        Mode.AR, description="ar, diffusion or auto"
    )
    default_seconds: float = Field(10, ge=1, le=600, description="a number of seconds from 1 to 600")
    early_preview: bool = Field(
        False, description="true or false: whether the first seconds of a slow clip are posted early"
    )
    lora_dir: Annotated[Path | None, BeforeValidator(_path)] = Field(
        None, description="the folder with LoRAs for ACE-Step"
    )
    remote_engines: Annotated[str | None, AfterValidator(_addresses)] = Field(
        None, description="addresses of music servers separated by commas, such as http://127.0.0.1:8080"
    )
    remote_engines_anywhere: bool = Field(
        False, description="true or false: whether REMOTE_ENGINES may name other machines"
    )
    hf_token: Annotated[SecretStr | None, BeforeValidator(_token)] = Field(
        None, description="a Hugging Face access token"
    )

    allowed_guilds: Annotated[
        tuple[Annotated[int, Field(ge=1, lt=2**63)], ...], NoDecode, BeforeValidator(_ids)
    ] = Field((), description="ids of Discord servers separated by commas, or nothing for every server")
    allow_dms: bool = Field(True, description="true or false")
    allow_user_install: bool = Field(True, description="true or false")
    account_days: float = Field(0, ge=0, le=3650, description="a number of days from 0 to 3650")
    max_seconds: float = Field(60, ge=1, le=600, description="a number of seconds from 1 to 600")
    max_jobs_per_member: int = Field(5, ge=1, le=1000, description="a whole number from 1 to 1000")
    max_queue: int = Field(500, ge=1, le=100_000, description="a whole number from 1 to 100000")
    max_presets_per_member: int = Field(100, ge=1, le=100_000, description="a whole number from 1 to 100000")
    max_presets_per_server: int = Field(500, ge=1, le=100_000, description="a whole number from 1 to 100000")
    max_attempts: int = Field(2, ge=1, le=10, description="a whole number from 1 to 10")
    stall_seconds: float = Field(180, ge=5, le=86_400, description="a number of seconds from 5 to 86400")
    load_seconds: float = Field(900, ge=5, le=86_400, description="a number of seconds from 5 to 86400")
    keep_clips_gb: float = Field(20, ge=0, description="a number of gigabytes, 0 to keep every clip")
    retention_days: float = Field(
        0, ge=0, le=36_500, description="a number of days from 0 (keep for ever) to 36500"
    )
    duels_per_member: int = Field(3, ge=1, le=1000, description="a whole number from 1 to 1000")
    duel_hours: float = Field(24, gt=0, le=720, description="a number of hours above 0, at most 720")
    duel_close_votes: int = Field(
        0, ge=0, le=100_000, description="a whole number from 0 (no such limit) to 100000"
    )
    duel_hearing_seconds: float = Field(10, ge=0, le=600, description="a number of seconds from 0 to 600")
    duel_heard_share: float = Field(0.5, ge=0, le=1, description="a number from 0 to 1")
    duel_account_days: float = Field(7, ge=0, le=3650, description="a number of days from 0 to 3650")
    duel_votes_per_day: int = Field(50, ge=1, le=10_000, description="a whole number from 1 to 10000")
    metrics_port: int = Field(0, ge=0, le=65_535, description="a port from 1 to 65535, or 0 for no metrics")
    metrics_host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="the address on which the metrics are served, such as 127.0.0.1",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Annotated[Literal["pretty", "json"], BeforeValidator(_lower)] = Field(
        "pretty", description="pretty or json"
    )

    @classmethod
    def load(cls, env_file: Path | None = Path(".env")) -> Self:
        """Read the environment, then `env_file` where it exists; what is secret there is hidden from then on.

        Raises ConfigError with one sentence a wrong value. The sentences are made from the names of the
        settings and the numbers of lines alone: pydantic's own text repeats the inputs, and the token is one
        of them.
        """
        lines = settings_file.read(env_file, KNOWN) if env_file is not None else []
        hide_named(os.environ)
        hide_named({f"{one.name}{one.line}": one.value for one in lines})
        inherited = {name.upper() for name, value in os.environ.items() if value}
        deciding = {
            one.name.upper(): one
            for one in settings_file.lines_of(lines)
            if one.value and one.name.upper() in KNOWN and one.name.upper() not in inherited
        }
        given: dict[str, Any] = {name.lower(): one.value for name, one in deciding.items()}
        wrong: list[str] = []
        try:
            settings = cls(_env_file=None, **given)
        except ValidationError as error:
            wrong = sorted({str(detail["loc"][0]).upper() for detail in error.errors(include_input=False)})
        if not wrong:
            hide(*settings.secrets)
            settings.export()
            _check_names(name for _, name in settings.named_models)
            return settings
        where = {name: f"line {deciding[name].line} of {env_file}" for name in wrong if name in deciding}
        raise ConfigError(
            " ".join(
                f"{name} has to be {cls.model_fields[name.lower()].description} "
                f"({where.get(name, 'set in the environment')})."
                for name in wrong
            )
        )

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
        return tuple(name.upper() for name in before if name in self.model_fields_set)

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
        value: float | int | None = getattr(self, name, None)
        return value

    def required_token(self) -> SecretStr:
        """Return the token, or raise ConfigError with what to do where there is none."""
        if self.discord_token is None:
            raise ConfigError(
                "DISCORD_TOKEN is missing: put the bot token from Discord's developer portal into .env, "
                "or run `antiphon sandbox`, which needs none."
                + (" (There is a file .env.txt: rename it to .env.)" if Path(".env.txt").is_file() else "")
            )
        return self.discord_token


KNOWN = frozenset(name.upper() for name in Settings.model_fields)
"""The settings' names in the environment and in .env."""


def unknown_names(env_file: Path = Path(".env")) -> list[UnknownName]:
    """Return the lines of `env_file` with unknown names. Raises ConfigError if it cannot be read."""
    return settings_file.unknown_names(settings_file.read(env_file, KNOWN), KNOWN)
