"""The sources of diagnosis keys: their configuration, and what the checks know about them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bluezone_agent.app.device import Device
from bluezone_agent.app.result import Result
from bluezone_agent.app.source_state import KeyFileState, SourceState, SourceWithFiles
from bluezone_agent.app.spool import spool_folder
from bluezone_agent.config import Config, Source
from bluezone_agent.core.diagnosis_keys import PinnedKeys, VerificationKey
from bluezone_agent.core.source_records import KeyFileRecord, SourceRecord
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.exposure_check.check import PinnedSource
from bluezone_agent.key_sources import SIGNED_ONLY, SourceAddress, layout_of, open_source
from bluezone_agent.key_sources.spool import SpooledSource
from bluezone_agent.stores.store import Store


class KnownSources(Result, frozen=True, kw_only=True):
    """Every source that was checked."""

    sources: tuple[SourceWithFiles, ...]


def known_sources(device: Device) -> KnownSources:
    """Return what the checks of the last 14 days know about their sources."""
    with Store(device.state_dir) as store:
        return KnownSources(sources=tuple(_with_files(s, store.sources.files(s.name)) for s in store.sources.all()))


def _with_files(source: SourceRecord, files: list[KeyFileRecord]) -> SourceWithFiles:
    states = tuple(KeyFileState.of(file) for file in files)
    return SourceWithFiles(
        **msgspec.structs.asdict(SourceState.of(source)),
        newest_published_at=max((s.published_at for s in states if s.published_at), default=None),
        files=states,
    )


def pinned_sources(config: Config, only: str | None = None) -> list[PinnedSource]:
    """Return the configured sources; if another process downloads the files, its downloads take their place.

    Raises ConfigError if there is no source, or none with the location ``only``.
    """
    wanted = [s for s in config.sources if only is None or s.location == only]
    if not wanted and only:
        raise ConfigError(
            N_('no [[source]] with location = "{location}" is configured'),
            N_("configured locations: {locations}"),
            location=only,
            locations=", ".join(s.location for s in config.sources) or "-",
        )
    if not wanted:
        raise ConfigError(
            N_("no source of diagnosis keys is configured"),
            N_('add a [[source]] to the configuration; "bluezone-agent config init -" shows how'),
        )
    spool = spool_folder()
    if spool is None:
        return [_pinned(source) for source in wanted]
    return [_spooled(_pinned(source), spool) if _is_remote(source) else _pinned(source) for source in wanted]


def _spooled(pinned: PinnedSource, spool: Path) -> PinnedSource:
    return PinnedSource(SpooledSource(pinned.source.name, spool), pinned.trust)


def network_sources(config: Config) -> list[PinnedSource]:
    """Return every configured source that needs the network, for the process that has access to it."""
    return [_pinned(source) for source in config.sources if _is_remote(source)]


def _is_remote(source: Source) -> bool:
    return "://" in source.location


def _pinned(source: Source) -> PinnedSource:
    address = SourceAddress(
        source.location,
        source.layout,
        source.index,
        source.regions,
        ca_file=source.ca_file,
        use_proxy=source.use_proxy,
        allow_http=source.allow_http,
    )
    if source.allow_unsigned and layout_of(address) in SIGNED_ONLY:
        raise ConfigError(
            N_('[[source]] {location}: files of layout = "{layout}" are always signed'),
            N_("remove allow_unsigned, which is only for Bluezone files, and pin the key in a [[source.key]]"),
            location=source.location,
            layout=source.layout,
        )
    keys = tuple(VerificationKey.from_pem(key.id, key.version, key.public_key) for key in source.keys)
    return PinnedSource(open_source(address), PinnedKeys(keys, source.allow_unsigned))
