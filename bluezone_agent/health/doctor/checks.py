"""Problems of this device and the commands that fix them: judges facts that the caller has read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bluezone_agent.core.ages import is_known
from bluezone_agent.core.journal import Reception
from bluezone_agent.core.pauses import Mode
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.health.doctor.bluetooth import bluetooth_findings
from bluezone_agent.health.doctor.finding import Finding, Level, error, fault, ok, warning
from bluezone_agent.health.health import Problem
from bluezone_agent.health.status import Status
from bluezone_agent.radios.bluez.facts import BluetoothFacts, BrokerFacts

DISK_FAULT_BYTES: Final = 50_000_000
"""The write-ahead log and a day in a crowd (2.6 kB a contact-hour, 500 at a time) take 30 MB."""
GOOD_SHARE: Final = 0.4
"""The kernel's scan with a monitor listens half of the time by default."""
DISK_WARNING_BYTES: Final = 500_000_000
"""The same for 14 days."""


@dataclass(frozen=True, slots=True)
class PathFacts:
    """A file or folder of the store."""

    path: str
    mode: int
    mine: bool
    """Whether it belongs to the current user."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts to judge. A fact is None if it could not be read; the error tells why."""

    radios: tuple[str, ...]
    bluetooth: BluetoothFacts
    clock_trusted: bool
    broker: BrokerFacts = field(default_factory=BrokerFacts)
    config_error: AgentError | None = None
    allow_linkable: tuple[str, ...] = ()
    """Conditions that link identifiers and that the operator accepts."""
    sources: int = 0
    free_bytes: int | None = None
    state_dir: str = ""
    state: tuple[PathFacts, ...] = ()
    store_error: AgentError | None = None
    status: Status | None = None
    """None if there is no store: no agent has ever run here."""


def judge(facts: Facts) -> list[Finding]:
    """Return every finding, in the order in which to fix them."""
    return [
        *_configuration(facts),
        *bluetooth_findings(
            facts.radios,
            facts.bluetooth,
            facts.broker,
            accepted=facts.allow_linkable,
            running=_is_running(facts),
        ),
        *_clock(facts),
        *_disk(facts),
        *_state(facts),
        *_agent(facts),
        *_sources(facts),
    ]


def _configuration(facts: Facts) -> Iterator[Finding]:
    if facts.config_error:
        yield error("configuration", facts.config_error)
    else:
        yield ok("configuration", N_("the configuration is valid; radio: {radios}"), radios=", ".join(facts.radios))


def _clock(facts: Facts) -> Iterator[Finding]:
    if facts.clock_trusted:
        yield ok("clock", N_("the clock is trusted"))
    else:
        yield fault(
            "clock",
            N_("the clock is not synchronised: contacts are recorded but not scored"),
            N_('run "timedatectl set-ntp true", or set clock_trusted = true if a battery keeps the time'),
        )


def _size(count: int) -> str:
    """Return a number of bytes as people say it."""
    return f"{count // 1_000_000_000} GB" if count >= 10_000_000_000 else f"{count // 1_000_000} MB"


def _disk(facts: Facts) -> Iterator[Finding]:
    if facts.free_bytes is None:
        return
    fields: dict[str, object] = {"free": _size(facts.free_bytes), "path": facts.state_dir}
    if facts.free_bytes < DISK_WARNING_BYTES:
        level = Level.FAULT if facts.free_bytes < DISK_FAULT_BYTES else Level.WARNING
        remedy = N_("free some space, or choose a folder on another disk: --state-dir DIR")
        yield Finding("disk", level, N_("{path} has {free} left"), remedy, fields)
    else:
        yield ok("disk", N_("{path} has {free} left"), **fields)


def _state(facts: Facts) -> Iterator[Finding]:
    if facts.store_error:
        yield error("state", facts.store_error)
    open_to_others = [p for p in facts.state if p.mode & 0o077]
    foreign = [p for p in facts.state if not p.mine]
    if open_to_others:
        yield fault(
            "state",
            N_("others may read {path} (mode {mode}), which contains keys and contacts"),
            N_('run "chmod -R go= {state_dir}"'),
            path=open_to_others[0].path,
            mode=f"{open_to_others[0].mode:03o}",
            state_dir=facts.state_dir,
        )
    if foreign:
        yield warning(
            "state",
            N_("{path} belongs to a different user than the one running this"),
            N_("run this as the user who runs the agent"),
            path=foreign[0].path,
        )
    if not facts.state:
        yield ok("state", N_("{state_dir} does not exist yet: the agent creates it"), state_dir=facts.state_dir)
    elif not (facts.store_error or open_to_others or foreign):
        yield ok("state", N_("only you can read {state_dir}"), state_dir=facts.state_dir)


def _is_running(facts: Facts) -> bool:
    return facts.status is not None and facts.status.running


def _agent(facts: Facts) -> Iterator[Finding]:
    status = facts.status
    if status is None or not status.running:
        yield warning(
            "agent",
            N_("the agent is not running"),
            N_('run "bluezone-agent run", or "systemctl start bluezone-agent" if it is installed as a service'),
        )
        return
    yield ok("agent", N_("the agent is running on {radio}"), status.started_at_s, radio=status.radio.description)
    if status.pause is not None:
        yield warning(
            "pause",
            N_("paused by its owner; the pause ends by itself"),
            N_('to end it now, run "bluezone-agent resume"'),
        )
        if status.pause.mode is Mode.PAUSED:
            return
    look = N_('run "bluezone-agent status"')
    problems = set(status.problems)
    if Problem.NO_RADIO in problems:
        yield fault("radio", status.radio.message, look, **status.radio.fields)
    if problems & {Problem.NOT_BROADCASTING, Problem.SCAN_ONLY}:
        yield fault("broadcast", N_("the identifier did not change in time"), look)
    elif is_known(status.judged_at_s, status.advertised_at_s):
        yield ok("broadcast", N_("the newest identifier is being advertised"), status.advertised_at_s)
    yield _proof(status)
    yield from _receiving(status)
    if Problem.NOT_STORING in problems:
        yield fault(
            "storing", N_("no data has been saved for several minutes"), N_("check the disk and the agent's log")
        )
    elif is_known(status.judged_at_s, status.committed_at_s):
        yield ok("storing", N_("contact data is being saved"), status.committed_at_s)


def _receiving(status: Status) -> Iterator[Finding]:
    if is_known(status.judged_at_s, status.received_at_s):
        yield ok("hearing", N_("other devices are received"), status.received_at_s)
    else:
        yield ok("hearing", N_("no other device received so far; this is normal if nobody is nearby"))
    if status.reception is not None:
        yield _reception(status.reception)


def _reception(reception: Reception) -> Finding:
    percent = round(100 * reception.share)
    if reception.share >= GOOD_SHARE:
        return ok("reception", N_("about {percent}% of nearby devices' packets are received"), percent=percent)
    return warning(
        "reception",
        N_("only about {percent}% of nearby devices' packets are received: distances are estimated from few values"),
        N_("with the radio broker every packet can be received: see docs/bluez.md"),
        percent=percent,
    )


def _proof(status: Status) -> Finding:
    proof = status.proof
    if Problem.NOT_PROVED in status.problems:
        return fault(
            "proof",
            N_("no other adapter receives our advertisements"),
            N_("unplug the adapters and plug them back in, then restart the agent"),
        )
    if is_known(status.judged_at_s, proof.at_s):
        return ok("proof", N_("{by} has received our advertisements"), proof.at_s, by=proof.by)
    if proof.provable:
        return ok("proof", N_("the other adapter has not received our advertisements yet"))
    return warning(
        "proof",
        N_("nothing verifies that this device transmits"),
        N_(
            "add a second adapter (radio = [...]), or use another device's report: \"bluezone-agent"
            ' selftest --peer FILE"'
        ),
    )


def _sources(facts: Facts) -> Iterator[Finding]:
    if facts.config_error:
        return
    if not facts.sources:
        yield warning(
            "sources",
            N_("no source of diagnosis keys is configured: exposures can't be detected"),
            N_('add a [[source]] to the configuration; "bluezone-agent config init -" explains it'),
        )
        return
    status = facts.status
    if status is not None and Problem.NOT_CHECKING in status.problems:
        yield fault("sources", N_("no check has succeeded for more than 30 hours"), N_('run "bluezone-agent check"'))
    elif status is None or not is_known(status.judged_at_s, status.complete_check_at_s):
        yield warning("sources", N_("no check has succeeded so far"), N_('run "bluezone-agent check"'))
    else:
        yield ok(
            "sources", N_("all sources were checked ({n} configured)"), status.complete_check_at_s, n=facts.sources
        )
