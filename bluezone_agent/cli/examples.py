"""The examples at the end of each command's help (tests/cli/test_examples.py runs them)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from bluezone_agent.errors import N_


class Example(NamedTuple):
    """A command line, and what it is for."""

    line: str
    what: str


EXAMPLES: Final[dict[str, tuple[Example, ...]]] = {
    "": (
        Example("bluezone-agent demo", N_("See a simulated day, without Bluetooth:")),
        Example("bluezone-agent config init", N_("Write the configuration, with every setting explained:")),
        Example("bluezone-agent run", N_("Start the agent; Ctrl-C stops it:")),
        Example("bluezone-agent status", N_("Does it work?")),
        Example("bluezone-agent exposures", N_("Was I near a case?")),
    ),
    "status": (
        Example("bluezone-agent status", N_("Does the agent work?")),
        Example("bluezone-agent status --private > status.txt", N_("Save the status and your exposures in a file:")),
        Example("bluezone-agent status --prometheus", N_("Print the counts for a monitoring system:")),
    ),
    "doctor": (
        Example("bluezone-agent doctor", N_("Something does not work: find out what, and how to fix it:")),
        Example("bluezone-agent doctor --json", N_("The same as JSON, for a report:")),
    ),
    "contacts": (
        Example("bluezone-agent contacts", N_("Show the contacts of the last day:")),
        Example(
            "bluezone-agent contacts --days 7 --page contacts.html", N_("Write a page with charts of the last week:")
        ),
    ),
    "exposures": (
        Example("bluezone-agent exposures", N_("Was I near a case?")),
        Example("bluezone-agent exposures explain 2026-11-24", N_("How was the result of a day calculated?")),
    ),
    "exposures explain": (
        Example("bluezone-agent exposures explain 2026-11-24", N_("Explain one day:")),
        Example(
            "bluezone-agent exposures explain 2026-11-24 --exact --page day.html",
            N_("Show times to the minute, and write a page with charts:"),
        ),
    ),
    "pause": (
        Example("bluezone-agent pause --for 8h", N_("Switch Bluetooth scanning and advertising off for a shift:")),
        Example("bluezone-agent pause --for 8h --protected", N_("Keep recording, but don't score a shift in a mask:")),
    ),
    "resume": (Example("bluezone-agent resume", N_("Resume before the pause ends:")),),
    "check": (
        Example("bluezone-agent check", N_("Check every configured source now:")),
        Example(
            "bluezone-agent check --from cases --verbose",
            N_("Check one source only, and show what is being done:"),
        ),
    ),
    "keys": (
        Example("bluezone-agent keys list", N_("Which daily keys do I have?")),
        Example("bluezone-agent keys export my-keys.json", N_("Export them for the health authority:")),
    ),
    "keys list": (Example("bluezone-agent keys list", N_("Which daily keys do I have?")),),
    "keys export": (
        Example("bluezone-agent keys export my-keys.json", N_("Export all keys; it asks first:")),
        Example("bluezone-agent keys export - --yes > my-keys.json", N_("Do the same in a script:")),
    ),
    "keys publish": (
        Example(
            "bluezone-agent keys publish --code 12345678",
            N_("Submit your keys with the code from your health authority:"),
        ),
        Example(
            "bluezone-agent keys publish --code - --yes < code.txt",
            N_("In a script, with the code from a file, so that no other user sees it:"),
        ),
    ),
    "keys chaff": (Example("bluezone-agent keys chaff", N_("Send one fake submission:")),),
    "keys encrypt": (
        Example("bluezone-agent keys encrypt", N_("Encrypt your keys; it asks for a passphrase:")),
        Example("bluezone-agent keys encrypt --passphrase-file passphrase.txt", N_("In a script:")),
    ),
    "keys decrypt": (
        Example("bluezone-agent keys decrypt", N_("Remove the passphrase; it asks for it:")),
        Example("bluezone-agent keys decrypt --passphrase-file passphrase.txt", N_("In a script:")),
    ),
    "keys sources": (Example("bluezone-agent keys sources", N_("Which files were received, and which were refused?")),),
    "authority": (
        Example("bluezone-agent authority init signing --key-id 452", N_("First create a signing key:")),
        Example(
            "bluezone-agent authority publish submissions/ --key signing --to public",
            N_("Then publish what was submitted, every day:"),
        ),
    ),
    "authority init": (
        Example(
            "bluezone-agent authority init signing --key-id 452 --location https://keys.example.org/",
            N_("Create a signing key for Vietnam, for a folder that is served at this address:"),
        ),
    ),
    "authority publish": (
        Example(
            "bluezone-agent authority publish submissions/ --key signing --to public",
            N_("Publish every submission in a folder:"),
        ),
        Example(
            "bluezone-agent authority publish an.json --key signing --to public --contact",
            N_("Publish the keys of a contact (F1):"),
        ),
    ),
    "authority revoke": (
        Example(
            "bluezone-agent authority revoke an.json --key signing --to public",
            N_("Take back a submission that was published by mistake:"),
        ),
    ),
    "demo": (
        Example("bluezone-agent demo", N_("Simulate a day; the page with charts is demo-seed-1.html:")),
        Example(
            "bluezone-agent demo --seed 7 --protocol gaen --page day.html",
            N_("Simulate another day with another protocol:"),
        ),
    ),
    "replay": (
        Example("bluezone-agent replay room.csv", N_("Score every receiver in a measured room:")),
        Example(
            "bluezone-agent replay room.csv --session office --tx-power -12",
            N_("One session only, for a transmitter that states -12 dBm:"),
        ),
    ),
    "compare": (
        Example("bluezone-agent compare --rule learned --rule cwa-1.15", N_("Where do two rules differ?")),
        Example(
            "bluezone-agent compare --rule learned --rule my-rule.toml --recording room.csv",
            N_("Compare a rule of your own, on a measured room:"),
        ),
    ),
    "calibrate": (
        Example("bluezone-agent calibrate measure", N_("Measure with a second device at 1 m:")),
        Example("bluezone-agent calibrate show", N_("Which calibration is in force?")),
    ),
    "calibrate measure": (
        Example(
            'bluezone-agent calibrate measure --distance 1 --distance 2 --antenna "in the case"',
            N_("Measure at two distances; it tells you where to put the device:"),
        ),
    ),
    "calibrate table": (
        Example(
            'bluezone-agent calibrate table calibrations.csv "Pi 4"', N_("Take the value of this model from a table:")
        ),
    ),
    "calibrate show": (Example("bluezone-agent calibrate show", N_("Which calibration is in force?")),),
    "calibrate forget": (Example("bluezone-agent calibrate forget", N_("Forget all values and start again:")),),
    "run": (
        Example("bluezone-agent run", N_("Start; Ctrl-C stops it:")),
        Example("bluezone-agent run --no-check --quiet", N_("Run without checks, and print only warnings and errors:")),
    ),
    "config": (
        Example("bluezone-agent config init", N_("Write the configuration where the agent looks for it:")),
        Example("bluezone-agent config check", N_("Is it correct, and what is in force?")),
    ),
    "config init": (
        Example("bluezone-agent config init", N_("Write the configuration where the agent looks for it:")),
        Example("bluezone-agent config init - | grep radio", N_("Look up a setting:")),
    ),
    "config check": (
        Example("bluezone-agent config check", N_("Check the configuration in force:")),
        Example("bluezone-agent config check new.toml", N_("Check another one before you use it:")),
    ),
    "selftest": (
        Example("bluezone-agent selftest", N_("With two Bluetooth adapters: is this device transmitting?")),
        Example(
            "bluezone-agent selftest --listen 60 --report report.json",
            N_("With one, on another device first: scan for a minute:"),
        ),
        Example("bluezone-agent selftest --peer report.json", N_("Then here, with its report:")),
    ),
    "backup": (
        Example("bluezone-agent backup bluezone.age", N_("Write a backup; it asks for a new passphrase:")),
        Example(
            "bluezone-agent backup - --passphrase-file passphrase.txt > bluezone.age", N_("In a script, to a pipe:")
        ),
    ),
    "restore": (
        Example("bluezone-agent restore bluezone.age", N_("Move to this device, which has no data yet:")),
        Example("bluezone-agent restore bluezone.age --merge", N_("Add the contacts of another device of yours:")),
    ),
    "wipe": (
        Example("bluezone-agent wipe", N_("Delete everything; it asks first:")),
        Example("bluezone-agent wipe --yes", N_("In a script:")),
    ),
    "notify": (Example("bluezone-agent notify", N_("Deliver the notices that are due:")),),
    "fetch": (Example("bluezone-agent fetch", N_("Fetch files for a check that has no network:")),),
}
"""By command, as the user types it."""


def continued(line: str, width: int) -> list[str]:
    """Return a command line split into lines of at most ``width`` if its words allow; a shell reads them as one."""
    words = re.findall(r"--\S+ (?!-)\"[^\"]*\"|--\S+ [^-\s]\S*|\"[^\"]*\"|\S+", line)  # an option with its value
    lines, found = list[str](), ""
    for word in words:
        if found and len(found) + len(word) + 3 > width:  # with a space and a backslash
            lines.append(f"{found} \\")
            found = f"  {word}"
        else:
            found = f"{found} {word}".strip() if not lines else f"{found} {word}"
    return [*lines, found]
