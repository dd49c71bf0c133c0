"""Notices: channels, their order and content, Home Assistant."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

CHANNELS: Final = "tests/notices/test_channels.py"
HOME: Final = "tests/notices/test_home_assistant.py"
DOWN: Final = f"{CHANNELS} -k 'down_for_an_hour and open'"
MUTANTS: Final = (
    Mutant(
        "again-to-who-has-it",
        "while one channel is down, the others get a notice with every attempt",
        "app/notices.py",
        "queued.delivered | failing)",
        "failing)",
        DOWN,
    ),
    Mutant(
        "overtaken-notice",
        "a later notice overtakes one that a channel has not delivered yet",
        "app/notices.py",
        "            failing |= outcome.failures.keys()\n",
        "            pass\n",
        f"{CHANNELS} -k day_only",
    ),
    Mutant(
        "held-back-for-ever",
        "a notice that a channel always refuses holds back every warning after it",
        "app/notices.py",
        "        if now_s - queued.created_at_s < KEEPS_ORDER_S:\n",
        "        if outcome.failures:\n",
        f"{CHANNELS} -k day_only",
    ),
    Mutant(
        "exposure-on-somebody-elses-server",
        "a channel says that its owner was exposed although it may not",
        "app/notice_channels.py",
        'channel if config.notify_content == "full" else',
        "channel if config.notify_content else",
        DOWN,
    ),
    Mutant(
        "apprise-in-the-journal",
        "what apprise logs, topics and texts, ends in the journal",
        "notices/apprise_channel.py",
        "    logger.propagate = False\n",
        "",
        f"{CHANNELS} -k failure_has_a_reason",
    ),
    Mutant(
        "token-in-config-check",
        "config check prints the URLs with their tokens",
        "app/config_file.py",
        "    if config.notify_urls:\n",
        "    if config.notify_urls is None:\n",
        f"{CHANNELS} -k urls_are_secrets",
    ),
    Mutant(
        "markup-on-the-desktop",
        "the text of a notice is markup on the desktop",
        "notices/desktop.py",
        'escape(notice.body, quote=False) if "body-markup" in capabilities else notice.body',
        "notice.body",
        "tests/notices/test_desktop.py",
    ),
    Mutant(
        "old-state-is-new",
        "the broker keeps the last state, and Home Assistant takes it for a new one after a restart",
        "notices/mqtt.py",
        "self._client.publish(message.topic, message.payload).rc",
        "self._client.publish(message.topic, message.payload, retain=True).rc",
        HOME,
    ),
    Mutant(
        "no-last-will",
        "an agent that is killed stays available in Home Assistant",
        "notices/mqtt.py",
        "        self._client.will_set(discovery.availability_topic, NOT_AVAILABLE, qos=1, retain=True)\n",
        "",
        HOME,
    ),
    Mutant(
        "exposure-without-being-asked",
        "Home Assistant learns of exposures although they are not switched on",
        "notices/home_assistant.py",
        "state if self._answers else msgspec.structs.replace(state, exposure=None)",
        "state",
        HOME,
    ),
)
