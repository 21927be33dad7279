"""Settings: read from the environment and `.env`, checked once at start-up."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import attrs
from attrs.converters import to_bool
from attrs.validators import and_, deep_iterable, ge, gt, in_, le, matches_re, min_len

from bot import settings_file
from bot.errors import ConfigError, InvalidRecipe
from bot.hub.catalogue import MULTIBAND_MODEL
from bot.hub.naming import model_name
from bot.loras import VARIABLE
from bot.recipe import Mode
from bot.recipe.options import OPTIONS
from bot.redact import hide, hide_named
from bot.remote_address import ADDRESSES, ANYWHERE, is_loopback, parse_addresses
from bot.setting_fields import DEVICE, Secret, setting, to_devices, to_ids, to_path, to_token, to_whole
from bot.settings_file import UnknownName

DISCORD = "https://discord.com/api/v10"
BUILTIN_AR = "antiphon-tiny-ar"
BUILTIN_DIFFUSION = "antiphon-tiny-diffusion"
MULTIBAND = "multiband"


def _mode(value: str) -> Mode | Literal["auto"]:
    word = value.lower()
    return "auto" if word == "auto" else Mode(word)


def _model(value: str) -> str:
    """Return a model's name or folder, with ~ expanded and without a slash at its end."""
    text = value.strip()
    if not text:
        raise ValueError
    if text.startswith("~"):
        text = str(to_path(text))
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


@attrs.frozen(kw_only=True)
class Settings:
    """Every setting. A field's description completes the sentence “NAME has to be …”.

    options: the owner's defaults of options of the sampling, by the option's name.
    given: the names of the settings that the owner set.
    """

    discord_token: Secret | None = setting(
        None,
        "the bot token from Discord's developer portal (Bot → Reset Token): 20 characters or "
        "more on one line, without blanks, neither the application's id nor its public key",
        to_token,
        min_len(20),
    )
    discord_api_url: str = setting(
        DISCORD,
        f"the address of Discord's REST API, such as {DISCORD}",
        lambda text: text.rstrip("/"),
        matches_re(r"https?://[^\s/]+(/\S*)?"),
    )
    database_path: Path = setting(Path("data/antiphon.db"), "the path of the SQLite file", to_path)
    clip_dir: Path = setting(Path("data/clips"), "the folder that keeps the clips", to_path)

    models: str | None = setting(
        None,
        "names of models or folders separated by commas, the first of each mode its default; "
        "MultiBandDiffusion as multiband:NAME",
        _models,
    )
    model_memory_gb: float = setting(
        0.0, "a number of gigabytes, 0 for what the device has free", float, ge(0), le(10_000)
    )
    ar_model: str = setting(BUILTIN_AR, "a built-in model's name, a hub name or a model folder", _model)
    ar_engine: Literal["antiphon", "audiocraft"] = setting(
        "antiphon", "antiphon or audiocraft", str.lower, in_(("antiphon", "audiocraft"))
    )
    diffusion_model: str = setting(
        BUILTIN_DIFFUSION, "a built-in model's name, a hub name, a model folder, or multiband", _model
    )
    device: str = setting(
        "auto",
        "auto, cpu, cuda, cuda:0 (or another number) or mps",
        to_devices,
        matches_re(DEVICE),
    )
    devices: str | None = setting(
        None,
        "devices separated by commas, one worker each, such as cuda:0,cuda:1 or cpu,cpu",
        to_devices,
        matches_re(f"{DEVICE}(,{DEVICE})*"),
    )
    executor: Literal["local", "ray"] = setting("local", "local or ray", str.lower, in_(("local", "ray")))
    ray_address: str | None = setting(
        None, "the address of a Ray cluster's head, such as 10.0.0.5:6379", str, min_len(1)
    )
    cluster_workers: int = setting(
        0, "a whole number from 0 (one a GPU of the cluster) to 1000", to_whole, ge(0), le(1000)
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"] = setting(
        "auto",
        "auto, float32, bfloat16, float16, int8 or int4",
        str.lower,
        in_(("auto", "float32", "bfloat16", "float16", "int8", "int4")),
    )
    default_mode: Mode | Literal["auto"] = setting(Mode.AR, "ar, diffusion or auto", _mode)
    default_seconds: float = setting(10.0, "a number of seconds from 1 to 600", float, ge(1), le(600))
    early_preview: bool = setting(
        False, "true or false: whether the first seconds of a slow clip are posted early", to_bool
    )
    lora_dir: Path | None = setting(None, "the folder with LoRAs for ACE-Step", to_path)
    remote_engines: str | None = setting(
        None, "addresses of music servers separated by commas, such as http://127.0.0.1:8080", _addresses
    )
    remote_engines_anywhere: bool = setting(
        False, "true or false: whether REMOTE_ENGINES may name other machines", to_bool
    )
    hf_token: Secret | None = setting(None, "a Hugging Face access token", to_token)

    allowed_guilds: tuple[int, ...] = setting(
        (),
        "ids of Discord servers separated by commas, or nothing for every server",
        to_ids,
        deep_iterable(and_(ge(1), le(2**63 - 1))),
    )
    allow_dms: bool = setting(True, "true or false", to_bool)
    allow_user_install: bool = setting(True, "true or false", to_bool)
    account_days: float = setting(0.0, "a number of days from 0 to 3650", float, ge(0), le(3650))
    max_seconds: float = setting(60.0, "a number of seconds from 1 to 600", float, ge(1), le(600))
    max_jobs_per_member: int = setting(5, "a whole number from 1 to 1000", to_whole, ge(1), le(1000))
    max_queue: int = setting(500, "a whole number from 1 to 100000", to_whole, ge(1), le(100_000))
    max_presets_per_member: int = setting(
        100, "a whole number from 1 to 100000", to_whole, ge(1), le(100_000)
    )
    max_presets_per_server: int = setting(
        500, "a whole number from 1 to 100000", to_whole, ge(1), le(100_000)
    )
    max_attempts: int = setting(2, "a whole number from 1 to 10", to_whole, ge(1), le(10))
    stall_seconds: float = setting(180.0, "a number of seconds from 5 to 86400", float, ge(5), le(86_400))
    load_seconds: float = setting(900.0, "a number of seconds from 5 to 86400", float, ge(5), le(86_400))
    keep_clips_gb: float = setting(20.0, "a number of gigabytes, 0 to keep every clip", float, ge(0))
    retention_days: float = setting(
        0.0, "a number of days from 0 (keep for ever) to 36500", float, ge(0), le(36_500)
    )
    duels_per_member: int = setting(3, "a whole number from 1 to 1000", to_whole, ge(1), le(1000))
    duel_hours: float = setting(24.0, "a number of hours above 0, at most 720", float, gt(0), le(720))
    duel_close_votes: int = setting(
        0, "a whole number from 0 (no such limit) to 100000", to_whole, ge(0), le(100_000)
    )
    duel_hearing_seconds: float = setting(10.0, "a number of seconds from 0 to 600", float, ge(0), le(600))
    duel_heard_share: float = setting(0.5, "a number from 0 to 1", float, ge(0), le(1))
    duel_account_days: float = setting(7.0, "a number of days from 0 to 3650", float, ge(0), le(3650))
    duel_votes_per_day: int = setting(50, "a whole number from 1 to 10000", to_whole, ge(1), le(10_000))
    metrics_port: int = setting(0, "a port from 1 to 65535, or 0 for no metrics", to_whole, ge(0), le(65_535))
    metrics_host: str = setting(
        "127.0.0.1", "the address on which the metrics are served, such as 127.0.0.1", str, min_len(1)
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "debug, info, warning or error", str.lower, in_(("debug", "info", "warning", "error"))
    )
    log_format: Literal["pretty", "json"] = setting(
        "pretty", "pretty or json", str.lower, in_(("pretty", "json"))
    )
    options: Mapping[str, float | int] = attrs.field(factory=dict)
    given: frozenset[str] = attrs.field(default=frozenset(), eq=False)

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
                    f"{name} has to be {FIELDS[name.lower()].metadata['description']} "
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


_OptionDefaults = attrs.make_class(
    "_OptionDefaults",
    {
        option.name: setting(None, option.range, option.parse)
        for option in OPTIONS.values()
        if option.has_setting
    },
)
FIELDS: Mapping[str, attrs.Attribute[Any]] = {
    name: field
    for declared in (Settings, _OptionDefaults)
    for name, field in attrs.fields_dict(declared).items()
    if field.metadata
}
"""Every setting by its name, a default for each option of the sampling included."""
KNOWN = frozenset(name.upper() for name in FIELDS)
"""The settings' names in the environment and in .env."""


def read_setting(name: str, text: str) -> Any:
    """Return a setting's value from the owner's text. Raises ValueError or InvalidRecipe for a wrong one."""
    field: Any = FIELDS[name]
    value = field.converter(text.strip())
    field.validator(None, field, value)
    return value


def _read(texts: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of texts by the names of their settings, and which names have wrong ones, sorted.

    texts: by the settings' names in capitals.
    """
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, text in texts.items():
        try:
            values[name.lower()] = read_setting(name.lower(), text)
        except (ValueError, InvalidRecipe):
            wrong.append(name)
    return values, sorted(wrong)


def unknown_names(env_file: Path = Path(".env")) -> list[UnknownName]:
    """Return the lines of `env_file` with unknown names. Raises ConfigError if it cannot be read."""
    return settings_file.unknown_names(settings_file.read(env_file, KNOWN), KNOWN)
