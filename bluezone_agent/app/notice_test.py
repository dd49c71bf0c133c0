"""A harmless notice through every channel."""

from __future__ import annotations

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.notices import channels_in_force
from bluezone_agent.app.result import Result
from bluezone_agent.core.notice import DeliveryOutcome, Notice
from bluezone_agent.errors import N_, ConfigError, NoticeError
from bluezone_agent.i18n import _


class TriedChannel(Result, frozen=True, kw_only=True):
    """A channel, and what became of the notice."""

    name: str
    """The scheme of its URL with some digits that tell it from others, or `notify_command`."""
    failure: str | None
    """Why it was not delivered, in English."""


class NoticeTest(Result, frozen=True, kw_only=True):
    """The result for every channel."""

    delivered: bool
    """Whether every channel delivered it."""
    channels: tuple[TriedChannel, ...]


def test_channels(device: Device) -> NoticeTest:
    """Send a notice that says that it is a test, and is not queued.

    Raises ConfigError if there is no channel, NoticeError if the service that has them can't be reached.
    """
    channels = channels_in_force(configuration(device))
    if channels is None:
        raise ConfigError(
            N_("no channel to you is configured"),
            N_('set notify_command or notify_urls; "bluezone-agent config init -" explains them'),
        )
    notice = Notice(_("bluezone-agent: test"), _("This is a test. If you can read this, you will get notices here."))
    try:
        outcome = channels.deliver(notice)
    except OSError as error:
        raise NoticeError(
            N_("the service that delivers notices can't be reached: {reason}"),
            N_('run "systemctl status bluezone-notify.socket bluezone-notify.service"'),
            reason=error.strerror or str(error) or type(error).__name__,
        ) from error
    return NoticeTest(delivered=not outcome.failures, channels=tuple(_tried(outcome)))


def _tried(outcome: DeliveryOutcome) -> list[TriedChannel]:
    return [TriedChannel(name=name, failure=outcome.failures.get(name)) for name in outcome.channels]
