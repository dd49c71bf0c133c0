"""The configuration: one TOML file, checked completely, with one readable error per mistake."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from bluezone_agent.config_errors import invalid_setting, invalid_toml
from bluezone_agent.core.attenuation import ASSUMED_TX_POWER_DBM
from bluezone_agent.core.names import PROTOCOL_NAMES
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS, RENAMED_MODELS, RiskModel, own_model
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.files import read_text
from bluezone_agent.paths import config_path, expanded

ADAPTER: Final = r"(hci\d+|([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})"
RADIO: Final = re.compile(rf"auto(:{ADAPTER})?|(kernel|bluez):{ADAPTER}|hci:.+|virtual|replay:.+")

RENAMED: Final = {"linkable_anyway": "allow_linkable"}
"""Renamed settings: a file with the old name is still accepted."""
TxPower = Annotated[int, msgspec.Meta(ge=-127, le=20)]
Language = Literal["", "en", "vi"]
RadioPlan = Literal["auto", "extended", "legacy", "legacy-broadcom"]
Linkable = Literal["privacy", "discoverable"]
NoticeContent = Literal["open", "full"]
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "language": get_args(Language)[1:],
    "radio_plan": get_args(RadioPlan),
    "allow_linkable": get_args(Linkable),
    "notify_content": get_args(NoticeContent),
}
"""Settings that take one of a few words."""


class Key(msgspec.Struct, frozen=True):
    """A health authority's public key, with its id and version."""

    id: str
    version: str
    public_key: str
    """PEM, SubjectPublicKeyInfo, P-256."""


class Source(msgspec.Struct, frozen=True, rename={"keys": "key"}):
    """A source of diagnosis keys, and the public keys that verify its files."""

    location: str
    """A folder, a file, or the URL of a file, of a folder with an ``index.txt``, or of another layout's root."""
    layout: str = ""
    """Derived from the location if empty."""
    regions: tuple[str, ...] = ()
    allow_unsigned: bool = False
    """Whether unsigned Bluezone files are accepted."""
    allow_http: bool = False
    ca_file: str = ""
    use_proxy: bool = False
    keys: tuple[Key, ...] = ()
    index: str = ""
    """Path of the index below the location, if it is not ``index.txt``."""


class Publishing(msgspec.Struct, frozen=True):
    """The servers to which ``keys publish`` submits the owner's keys (Google's protocol)."""

    verification_server: str
    key_server: str
    api_key: str
    """Key for the verification server; not a secret of the owner, but still not shown."""
    health_authority_id: str
    chaff: bool = False
    """Whether chaff, which the servers discard, is sent about once a day."""

    def __repr__(self) -> str:
        return f"Publishing({self.key_server!r})"


class Authority(msgspec.Struct, frozen=True):
    """Contact of the health authority, shown with every exposure."""

    name: str
    telephone: str = ""
    text: str = ""
    """What it tells exposed people to do, in the owner's language."""


class HomeAssistant(msgspec.Struct, frozen=True):
    """The MQTT broker of Home Assistant, and what it learns."""

    broker: str
    """``mqtt://USER:PASSWORD@HOST``; a secret."""
    name: str = "bluezone-agent"
    """Tells this device from others of its owner."""
    discovery_prefix: str = "homeassistant"
    exposures: bool = False
    """Whether it learns if the owner was exposed."""

    def __repr__(self) -> str:
        return f"HomeAssistant(<secret>, {self.name!r})"


class Door(msgspec.Struct, frozen=True):
    """How ``gate`` counts people at a door, and what it keeps."""

    threshold_dbm: Annotated[int, msgspec.Meta(ge=-100, le=-20)] = -66
    """Received power from which a device counts as held near, until it is measured at the door."""
    margin_db: Annotated[int, msgspec.Meta(ge=0, le=30)] = 3
    """By how much it has to be stronger than every other device."""
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 90
    label_purpose: str = ""
    """What labels of people (a badge, a name) are kept for; without a purpose none are."""
    label_retention_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 7


class Config(msgspec.Struct, frozen=True, rename={"sources": "source"}):
    """All settings; each has a default."""

    protocol: str = "bluezone"
    radio: str | tuple[str, ...] = "auto"
    """Of several radios the first one broadcasts, and all scan."""
    tx_power_dbm: TxPower = -12
    assumed_tx_power_dbm: TxPower = ASSUMED_TX_POWER_DBM
    rule: str = DEFAULT_MODEL
    """Name of a risk model, or a TOML file with Exposure Notification parameters or of ``trial fit``."""
    check_every_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 4
    clock_trusted: bool = False
    notify_command: tuple[str, ...] = ()
    notify_urls: tuple[str, ...] = ()
    """Channels by apprise's URLs; they are secrets."""
    notify_urls_file: str = ""
    """File with more of them, one a line."""
    notify_content: NoticeContent = "open"
    """What the channels of URLs may say: that there is a notice, or all of it. The command gets all of it."""
    language: Language = ""
    record: str = ""
    metrics_file: str = ""
    """File for the Prometheus node exporter, updated every minute."""
    radio_plan: RadioPlan = "auto"
    allow_power_cycle: bool = False
    allow_linkable: tuple[Linkable, ...] = ()
    sources: tuple[Source, ...] = ()
    publish: Publishing | None = None
    authority: Authority | None = None
    home_assistant: HomeAssistant | None = None
    door: Door = Door()

    @property
    def radios(self) -> tuple[str, ...]:
        """All radios, the broadcasting one first."""
        return (self.radio,) if isinstance(self.radio, str) else self.radio

    @property
    def notifies(self) -> bool:
        """Whether there is any channel to the owner."""
        return bool(self.notify_command or self.notify_urls or self.notify_urls_file)

    def __repr__(self) -> str:
        return "Config(...)"  # URLs and keys in it are secrets


def load(path: Path | None) -> Config:
    """Read ``path``, or if it is None the default location, which may be missing.

    Raises ConfigError, which names the file, the setting, the value and the way out.
    """
    named, path = path, path or config_path()
    if path is None:
        return Config()
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        if named is None and isinstance(error, FileNotFoundError | NotADirectoryError):
            return Config()
        raise ConfigError(
            N_("can't read the configuration {path}: {reason}"),
            N_(
                "choose a file that you can read (--config FILE), or run this as a user with access"
                " (with sudo if the agent is a service)"
            ),
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    return parse(text, path)


def parse(text: str, path: Path) -> Config:
    """Read a configuration's text; ``path`` is for its errors. Raises ConfigError."""
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise invalid_toml(path, error) from error
    raw = {RENAMED.get(name, name): value for name, value in raw.items()}
    _refuse_unknown(raw, path)
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise invalid_setting(path, raw, str(error), CHOICES) from error
    _require_known(config, path)
    for number, source in enumerate(config.sources):
        _require_trust(source, path)
        _require_once(source, config.sources[:number], path)
    return config


def risk_model(rule: str, where: Path | str) -> RiskModel:
    """Return the model that a configuration or an option (``where``) names, or whose parameters are in a TOML file.

    Raises ConfigError.
    """
    rule = RENAMED_MODELS.get(rule, rule)
    if rule in MODELS:
        return MODELS[rule]
    if not rule.endswith(".toml"):
        raise ConfigError(
            N_('{path}: {setting} = "{value}" is not known'),
            N_("choose one of: {choices}"),
            path=where,
            setting="rule",
            value=rule,
            choices=", ".join((*MODELS, "FILE.toml")),
        )
    try:
        return own_model(rule, read_text(expanded(rule)))
    except (OSError, ValueError, RecursionError) as error:  # also msgspec's and tomllib's, and a wrong encoding
        raise ConfigError(
            N_("can't read the rule {path}: {reason}"),
            N_(
                "a rule is a TOML file with buckets and warning_minutes (docs/exposure.md has an example),"
                ' or one that "bluezone-agent trial fit" wrote'
            ),
            path=rule,
            reason=getattr(error, "strerror", None) or error,
        ) from error


def _refuse_unknown(raw: dict[str, Any], path: Path) -> None:
    sources = _tables(raw.get("source"))
    tables: list[tuple[str, dict[str, Any], type[msgspec.Struct]]] = [("", raw, Config)]
    tables += [("[[source]] ", source, Source) for source in sources]
    tables += [("[publish] ", table, Publishing) for table in (raw.get("publish"),) if isinstance(table, dict)]
    tables += [("[authority] ", table, Authority) for table in (raw.get("authority"),) if isinstance(table, dict)]
    home_assistant = raw.get("home_assistant")
    tables += [("[home_assistant] ", table, HomeAssistant) for table in (home_assistant,) if isinstance(table, dict)]
    tables += [("[door] ", table, Door) for table in (raw.get("door"),) if isinstance(table, dict)]
    tables += [("[[source.key]] ", key, Key) for source in sources for key in _tables(source.get("key"))]
    for where, table, struct in tables:
        known = [field.encode_name for field in msgspec.structs.fields(struct)]
        for name in table:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1) or [", ".join(known)]
                raise ConfigError(
                    N_('{path}: unknown setting {where}"{name}"'),
                    N_("did you mean {near}? Correct the name, or remove the setting"),
                    path=path,
                    where=where,
                    name=name,
                    near=near[0],
                )


def _tables(value: Any) -> list[dict[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def _require_known(config: Config, path: Path) -> None:
    if config.protocol not in PROTOCOL_NAMES:
        raise ConfigError(
            N_('{path}: {setting} = "{value}" is not known'),
            N_("choose one of: {choices}"),
            path=path,
            setting="protocol",
            value=config.protocol,
            choices=", ".join(PROTOCOL_NAMES),
        )
    risk_model(config.rule, path)
    for radio in config.radios or ("",):
        if not RADIO.fullmatch(radio):
            raise ConfigError(
                N_('{path}: {setting} = "{value}" is not known'),
                N_("choose one of: {choices}"),
                path=path,
                setting="radio",
                value=radio,
                choices="auto, auto:AA:BB:CC:DD:EE:FF, kernel:hci0, bluez:hci0, hci:0, virtual, replay:FILE",
            )
    twice = sorted({radio for radio in config.radios if config.radios.count(radio) > 1})
    if twice:
        raise ConfigError(
            N_("{path}: the radio {value} is listed twice"),
            N_("list each adapter once; the first one broadcasts"),
            path=path,
            value=twice[0],
        )


def _require_trust(source: Source, path: Path) -> None:
    if not source.keys and not source.allow_unsigned:
        raise ConfigError(
            N_("{path}: the source {location} has no public key to verify its files with"),
            N_('add the [[source.key]] that the health authority gives; "bluezone-agent config init -" shows how'),
            path=path,
            location=source.location,
        )


def _require_once(source: Source, before: tuple[Source, ...], path: Path) -> None:
    if any((source.location, source.index) == (other.location, other.index) for other in before):
        raise ConfigError(
            N_("{path}: the source {location} is configured twice"),
            N_("one [[source]] can have several regions and several [[source.key]] tables"),
            path=path,
            location=source.location,
        )
