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
    "around": (
        Example("bluezone-agent around", N_("Show who is near now; q ends it:")),
        Example("bluezone-agent around --for 10s --json > around.jsonl", N_("Save what is received for 10 seconds:")),
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
    "diary": (
        Example('bluezone-agent diary add "lunch with An"', N_("Add a note about today:")),
        Example("bluezone-agent diary list", N_("Which notes are there?")),
    ),
    "diary add": (
        Example('bluezone-agent diary add "lunch with An"', N_("Add a note about today:")),
        Example(
            "bluezone-agent diary add - < note.txt",
            N_("From a file, so that no other user sees it:"),
        ),
    ),
    "diary list": (Example("bluezone-agent diary list", N_("Which notes are there?")),),
    "diary delete": (Example("bluezone-agent diary delete 1", N_("Delete the entry with the number 1:")),),
    "pause": (
        Example("bluezone-agent pause --for 8h", N_("Switch Bluetooth scanning and advertising off for a shift:")),
        Example("bluezone-agent pause --for 8h --protected", N_("Keep recording, but don't score a shift in a mask:")),
    ),
    "resume": (Example("bluezone-agent resume", N_("Resume before the pause ends:")),),
    "web": (
        Example("bluezone-agent web", N_("Serve the page, and print the address to open; Ctrl-C stops it:")),
        Example("bluezone-agent web --port 8400", N_("On another port:")),
        Example("bluezone-agent web --listen 192.168.1.5", N_("For your phone, in your own network:")),
    ),
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
        Example("bluezone-agent demo --door", N_("See a morning at a door instead:")),
        Example("bluezone-agent demo --keep devices", N_("Keep two of its devices, to try the commands on:")),
        Example("bluezone-agent demo --campaign", N_("Simulate a campaign of a province, with receipts and letters:")),
    ),
    "gate": (
        Example("bluezone-agent gate", N_("Count who comes in, and who has a device that broadcasts; q ends it:")),
        Example("bluezone-agent gate --direction out --for 10s", N_("Count who goes out, for 10 seconds:")),
        Example("bluezone-agent gate --for 10s --json > gate.jsonl", N_("For a display of your own:")),
    ),
    "gate report": (
        Example("bluezone-agent gate report", N_("How many people passed today, and how many with a device?")),
        Example(
            "bluezone-agent gate report --days 7 --to html --file door.html", N_("Write a page of the week for print:")
        ),
        Example("bluezone-agent gate report --to csv > door.csv", N_("Write a table for programs:")),
    ),
    "gate calibrate": (Example("bluezone-agent gate calibrate", N_("Measure with one phone; takes a minute:")),),
    "gate forget": (
        Example("bluezone-agent gate forget --labels --yes", N_("Delete all badges and names:")),
        Example("bluezone-agent gate forget --yes", N_("Delete everything that is kept of the door:")),
    ),
    "take-part": (
        Example("bluezone-agent take-part J7K2-9QF4-MX3T-8WHB-5DN4", N_("Write a receipt with the code on your slip:")),
    ),
    "uptake": (
        Example("bluezone-agent uptake new units.csv campaign --target 60", N_("Begin a campaign of these units:")),
        Example(
            "bluezone-agent uptake record room-1 --installed 17 --folder campaign", N_("Record what a unit reported:")
        ),
        Example("bluezone-agent uptake report --folder campaign --deadline 10:00", N_("Who takes part?")),
    ),
    "uptake new": (
        Example("bluezone-agent uptake new units.csv campaign --target 60", N_("Begin a campaign of these units:")),
        Example(
            "bluezone-agent uptake new units.csv campaign --denominator households", N_("Count households instead:")
        ),
    ),
    "uptake record": (
        Example(
            "bluezone-agent uptake record room-1 --installed 17 --folder campaign", N_("Record what a unit reported:")
        ),
        Example(
            "bluezone-agent uptake record room-1 --installed 19 --round 2 --at 09:40 --folder campaign",
            N_("In the second round, by a letter of 9:40:"),
        ),
        Example(
            "bluezone-agent uptake record room-1 --streets 4 --leaflets 200 --folder campaign",
            N_("What a team did from house to house:"),
        ),
    ),
    "uptake codes": (
        Example("bluezone-agent uptake codes --pdf slips.pdf --folder campaign", N_("Print slips for all members:")),
    ),
    "uptake collect": (
        Example("bluezone-agent uptake collect box --folder campaign", N_("Count the receipts in the folder box:")),
    ),
    "uptake census": (
        Example(
            "bluezone-agent uptake census room-1 --people 18 --by teacher --for 5m --folder campaign",
            N_("Count devices for 5 minutes, where a teacher counted 18 people:"),
        ),
        Example(
            "bluezone-agent uptake census room-1 --people 18 --by guard --feed air.jsonl --folder campaign",
            N_("Count from a recording of bluezone-agent around --json:"),
        ),
    ),
    "uptake report": (
        Example("bluezone-agent uptake report --folder campaign --deadline 10:00", N_("Who takes part?")),
        Example(
            "bluezone-agent uptake report --folder campaign --xlsx round.xlsx --pdf letter.pdf",
            N_("Write a spreadsheet and a letter, too:"),
        ),
    ),
    "uptake submit": (
        Example("bluezone-agent uptake submit office.zip --folder campaign", N_("Write the signed report:")),
    ),
    "uptake trust": (
        Example(
            "bluezone-agent uptake trust office $(cat office.key) --folder province",
            N_("Accept the reports of an office:"),
        ),
    ),
    "uptake merge": (
        Example("bluezone-agent uptake merge office.zip --folder province", N_("Count the office's report here:")),
    ),
    "campaign": (
        Example("bluezone-agent campaign new campaign.toml", N_("Write a campaign.toml to change:")),
        Example("bluezone-agent campaign make campaign.toml products", N_("Make everything from it:")),
    ),
    "campaign new": (Example("bluezone-agent campaign new campaign.toml", N_("Write a campaign.toml to change:")),),
    "campaign make": (Example("bluezone-agent campaign make campaign.toml products", N_("Make everything from it:")),),
    "trial": (
        Example("bluezone-agent trial new office meeting", N_("Make a trial of four people in an office:")),
        Example("bluezone-agent trial simulate meeting", N_("Simulate it, without Bluetooth:")),
        Example("bluezone-agent trial pack meeting", N_("Make the dataset:")),
        Example("bluezone-agent trial report meeting", N_("Then write its report:")),
    ),
    "trial new": (
        Example("bluezone-agent trial new office meeting", N_("Make a trial of four people in an office:")),
        Example("bluezone-agent trial new distance-ladder ladder", N_("Or of two devices at eight distances:")),
    ),
    "trial check": (
        Example("bluezone-agent trial check meeting", N_("Is the plan correct?")),
        Example("bluezone-agent trial check meeting --node pi-1", N_("Is this device ready, too?")),
    ),
    "trial simulate": (Example("bluezone-agent trial simulate meeting", N_("Simulate it, without Bluetooth:")),),
    "trial run": (
        Example("bluezone-agent trial run meeting --node pi-1", N_("Record as the device pi-1:")),
        Example("bluezone-agent trial run meeting --node pi-1 --radio virtual", N_("Try it without Bluetooth:")),
    ),
    "trial mark": (
        Example('bluezone-agent trial mark meeting "Bình opened the window"', N_("Note what happened:")),
        Example(
            'bluezone-agent trial mark meeting "facing" --distance pi-1,pi-2=1.5',
            N_("Note how far apart two devices are from now on:"),
        ),
    ),
    "trial live": (
        Example("bluezone-agent trial live meeting", N_("Watch it; space makes a mark, q ends it:")),
        Example("bluezone-agent trial live meeting --json --for 10s", N_("For programs, one line a second:")),
    ),
    "trial collect": (
        Example(
            "bluezone-agent trial collect pi@pi-2.local pi@pi-3.local meeting",
            N_("Bring the recordings of two devices here, from the folder of the same name:"),
        ),
        Example(
            "bluezone-agent trial collect pi@pi-2.local:trials/meeting meeting", N_("From another folder on a device:")
        ),
    ),
    "trial pack": (Example("bluezone-agent trial pack meeting", N_("Make the dataset:")),),
    "trial report": (Example("bluezone-agent trial report meeting", N_("Then write its report:")),),
    "trial import": (
        Example("bluezone-agent trial import dp3t exp34 people", N_("Make a trial of DP-3T's experiment 34:")),
        Example(
            "bluezone-agent trial import btsnoop btsnoop_hci.log meeting --node pi-4",
            N_("Make the log of a phone the recording of pi-4:"),
        ),
    ),
    "trial score": (
        Example("bluezone-agent trial score meeting", N_("Compare the rules:")),
        Example(
            "bluezone-agent trial score meeting --schedule 4/240 --sweep", N_("As phones scan, and with radios off:")
        ),
    ),
    "trial fit": (Example("bluezone-agent trial fit my-office meeting", N_("Fit a rule to this office:")),),
    "trial export": (
        Example("bluezone-agent trial export meeting tables", N_("Write every table as CSV:")),
        Example("bluezone-agent trial export meeting tables --to sqlite", N_("Or all tables in one SQLite file:")),
        Example("bluezone-agent trial export meeting herald --to herald", N_("Write the folders of a Herald trial:")),
    ),
    "trial forget": (
        Example("bluezone-agent trial forget meeting --person P03", N_("Remove the person P03; it asks first:")),
        Example("bluezone-agent trial forget meeting --person P03 --yes", N_("In a script:")),
    ),
    "trial stop": (Example("bluezone-agent trial stop meeting", N_("Stop recording on this machine:")),),
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
    "export": (
        Example("bluezone-agent export --to csv my-data", N_("Write your data for a spreadsheet; it asks first:")),
        Example("bluezone-agent export --to sqlite my-data --yes", N_("In a script, as one SQLite file:")),
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
    "page": (Example("bluezone-agent page", N_("Write the page's parts:")),),
    "notify": (
        Example("bluezone-agent notify", N_("Deliver the notices that are due:")),
        Example("bluezone-agent notify test", N_("Do my channels work?")),
    ),
    "notify test": (Example("bluezone-agent notify test", N_("Do my channels work?")),),
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
