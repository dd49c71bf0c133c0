"""The documentation's pictures, made from the code: ``scripts/pictures`` writes them, ``test_pictures`` holds them.

The way of the data names modules and says of each what its own docstring says; the rule is drawn by the rules' own
numbers.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path
from random import Random
from textwrap import wrap
from typing import Final, NamedTuple

from bluezone_agent.app.exposure_answer import Answer, AuthorityContact, ExposureAnswer
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.sentences import answer_lines, describe
from bluezone_agent.core.attenuation import ReceivedMinute, attenuation_db
from bluezone_agent.core.exposure import day_exposures
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.risk import MODELS

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "images"
INK, SOFT, PAPER, LINE, WARM, COOL = "#1f2933", "#52606d", "#ffffff", "#cbd2d9", "#c2410c", "#0f766e"
WIDTH: Final = 476
MIDDLE: Final = 'text-anchor="middle"'

WAYS: Final = {
    "An advertisement becomes a stored minute": (
        "radios/bluez/scan.py",
        "daemon/radio_supervisor.py",
        "daemon/contact_writer.py",
        "core/reception.py",
        "core/sightings.py",
        "stores/contacts.py",
    ),
    "A daily key becomes an advertisement": (
        "daemon/rotation.py",
        "daemon/identity.py",
        "stores/keys.py",
        "core/gaen.py",
        "radios/bluez/radio.py",
        "radios/bluez/advertisement.py",
    ),
    "A key file becomes a warning": (
        "key_sources/google_index.py",
        "exposure_check/check.py",
        "core/matching.py",
        "core/exposure.py",
        "stores/exposures.py",
        "app/notices.py",
    ),
}
"""Title → the modules that the data passes, in this order."""


class Step(NamedTuple):
    """A module on the way."""

    module: str
    says: str


def says(module: str) -> str:
    """Return the first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse((ROOT / "bluezone_agent" / module).read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".") + "."


def steps(way: str) -> list[Step]:
    """Return the modules of a way and what they say of themselves."""
    return [Step(module, says(module)) for module in WAYS[way]]


def text(x: float, y: float, words: str, *, size: int = 13, colour: str = INK, more: str = "") -> str:
    """Return words whose baseline is at ``y``."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" {more}>{escape(words)}</text>'


def drawing(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """Return an SVG on paper of its own, so that it can be read on a dark page."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" font-family="system-ui, sans-serif"><title>{escape(title)}</title>'
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def way_of_the_data(way: str) -> str:
    """Draw a way, three boxes a row."""
    boxes, wide, high = [text(16, 26, way, size=15, more='font-weight="600"')], 142, 140
    for number, step in enumerate(steps(way)):
        row, column = divmod(number, 3)
        x, y = 10 + column * 157, 42 + row * (high + 14)
        boxes += _box(x, y, wide, high, step)
        if column:
            boxes.append(_arrow(x - 12, y + high / 2))
    return drawing(WIDTH, 56 + 2 * (high + 14) - 14, way, boxes)


def _box(x: float, y: float, wide: float, high: float, step: Step) -> list[str]:
    folder, _slash, name = step.module.rpartition("/")
    parts = [
        f'<rect x="{x:g}" y="{y:g}" width="{wide}" height="{high}" rx="6" fill="#f5f7fa" stroke="{LINE}"/>',
        text(x + 8, y + 18, folder + "/", size=11, colour=SOFT),
        text(x + 8, y + 34, name.removesuffix(".py"), size=13, colour=COOL, more='font-weight="600"'),
    ]
    lines = wrap(step.says.replace("`", ""), 21)
    shown = lines if len(lines) <= 6 else [*lines[:5], lines[5][:20] + "…"]
    parts += [text(x + 8, y + 52 + n * 14, line, size=11) for n, line in enumerate(shown)]
    return parts


def _arrow(x: float, y: float) -> str:
    return f'<path d="M{x:g} {y:g} h8 m-4 -4 l4 4 l-4 4" stroke="{SOFT}" fill="none" stroke-width="1.5"/>'


class Plot:
    """A frame with axes; x and y are in the units of the data."""

    left, top, wide, high = 60, 46, 380, 190

    def __init__(self, title: str, x: tuple[float, float], y: tuple[float, float], labels: tuple[str, str]) -> None:
        """``labels`` are those of x and y."""
        self._title, self._x, self._y = title, x, y
        bottom = self.top + self.high
        self.parts = [
            text(16, 26, title, size=15, more='font-weight="600"'),
            f'<path d="M{self.left} {self.top} V{bottom} H{self.left + self.wide}" stroke="{SOFT}" fill="none"/>',
            text(self.left + self.wide, bottom + 34, labels[0], size=12, colour=SOFT, more='text-anchor="end"'),
            text(16, self.top - 6, labels[1], size=12, colour=SOFT),
        ]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point lies on the paper."""
        (x0, x1), (y0, y1) = self._x, self._y
        return self.left + (x - x0) / (x1 - x0) * self.wide, self.top + self.high - (y - y0) / (y1 - y0) * self.high

    def ticks(self, xs: Sequence[tuple[float, str]], ys: Sequence[tuple[float, str]]) -> None:
        """Name some values of both axes."""
        bottom = self.top + self.high
        for value, name in xs:
            self.parts.append(text(self.at(value, 0)[0], bottom + 16, name, size=11, more='text-anchor="middle"'))
        for value, name in ys:
            self.parts.append(text(self.left - 6, self.at(0, value)[1] + 4, name, size=11, more='text-anchor="end"'))

    def line(self, points: Sequence[tuple[float, float]], colour: str, name: str, at: tuple[float, float]) -> None:
        """Draw a line, and its name at a point."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*p) for p in points))
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        self.parts.append(text(*self.at(*at), name, size=12, colour=colour))

    def bar(self, x: float, wide: float, value: float, colour: str) -> None:
        """Draw a bar from the axis."""
        left, top = self.at(x, value)
        right, bottom = self.at(x + wide, 0)
        self.parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left - 0.6:.1f}" height="{bottom - top:.1f}"'
            f' fill="{colour}"/>'
        )

    def dot(self, x: float, y: float, colour: str) -> None:
        """Draw a point."""
        cx, cy = self.at(x, y)
        self.parts.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="2.2" fill="{colour}"/>')

    def svg(self) -> str:
        """Return the picture."""
        return drawing(460, 290, self._title, self.parts)


TX_DBM: Final = -20
THAT_DAY_MIN: Final = 20_781 * 1440
MINUTES: Final = 30


def received(minute: int, attenuations: Sequence[float]) -> ReceivedMinute:
    """Return a minute in which packets of these attenuations were received."""
    mean = sum(attenuations) / len(attenuations)
    return ReceivedMinute(minute, mean, len(attenuations), Counter(int(db // 3) for db in attenuations))


def encounter() -> list[list[float]]:
    """Return the attenuations of five packets a minute: ten minutes at 50 dB, ten at 58, ten at 70, all scattered."""
    random = Random(7)
    return [[max(0.0, random.gauss(db, 4)) for _ in range(5)] for db in [50] * 10 + [58] * 10 + [70] * 10]


def packets() -> str:
    """Picture 1: every packet has an attenuation."""
    plot = Plot("1. Each packet has an attenuation", (0, MINUTES), (90, 30), ("minute", "dB: sent − received"))
    plot.ticks([(m, str(m)) for m in (0, 10, 20, 30)], [(db, str(db)) for db in (40, 55, 63, 80)])
    for minute, values in enumerate(encounter()):
        for number, db in enumerate(values):
            plot.dot(minute + number / 5, attenuation_db(TX_DBM, TX_DBM - db), COOL)
    return plot.svg()


def weights() -> str:
    """Picture 2: a rule gives each minute a weight."""
    plot = Plot("2. A rule weighs each minute", (40, 80), (0, 1.1), ("attenuation of 30 equal minutes, dB", "weight"))
    plot.ticks([(db, str(db)) for db in (40, 50, 55, 63, 70, 80)], [(0, "0"), (0.5, "½"), (1, "1")])
    for name, colour, at in (("swisscovid", WARM, (63.5, 0.55)), ("learned", COOL, (43, 0.4))):
        points = []
        for tenth in range(400, 801, 2):
            minutes = [received(m, [tenth / 10] * 5) for m in range(MINUTES)]
            weighed = MODELS[name].weigh(minutes)
            points.append((tenth / 10, sum(weighed.values()) / MINUTES))
        plot.line(points, colour, name, at)
    return plot.svg()


def sums() -> str:
    """Picture 3: weights add up."""
    minutes = [received(m, values) for m, values in enumerate(encounter())]
    rule = MODELS["swisscovid"]
    weighed = rule.weigh(minutes)
    plot = Plot("3. The weights add up (swisscovid)", (0, MINUTES), (0, 22), ("minute", "weighted minutes"))
    plot.ticks([(m, str(m)) for m in (0, 10, 20, 30)], [(0, "0"), (rule.warning_minutes, f"{rule.warning_minutes:g}")])
    total = 0.0
    for minute in sorted(weighed):
        total += weighed[minute]
        plot.bar(minute, 1, total, WARM if total >= rule.warning_minutes else COOL)
    line = [(0.0, rule.warning_minutes), (float(MINUTES), rule.warning_minutes)]
    plot.line(line, SOFT, "warns from here", (0.4, rule.warning_minutes + 0.8))
    return plot.svg()


class Case:
    """A key of a case."""

    report_type = ReportType.CONFIRMED_TEST
    days_since_onset = 0

    def __init__(self, minutes: Sequence[ReceivedMinute]) -> None:
        """``minutes`` are those in which it was received."""
        self.minutes = minutes


def days() -> str:
    """Picture 4: any 24 hours count, or a day of UTC."""
    seven_in_vietnam = 20_000 * 1440
    minutes = [received(seven_in_vietnam - 14 + m, [50.0] * 5) for m in range(28)]
    plot = Plot("4. 28 minutes on a bus, across 07:00 in Vietnam", (0, 3), (0, 34), ("", "weighted minutes"))
    plot.ticks([(0.5, "UTC day before"), (1.5, "UTC day after"), (2.5, "any 24 hours")], [(0, "0"), (15, "15")])
    by_day = [d.near_minutes for d in day_exposures([Case(minutes)], MODELS["swisscovid"])]
    unbroken = [d.near_minutes for d in day_exposures([Case(minutes)], MODELS["learned"])]
    for number, value in enumerate([*by_day, max(unbroken)]):
        plot.bar(number + 0.2, 0.6, value, WARM if value >= 15 else COOL)
        x, y = plot.at(number + 0.5, value - 3)
        plot.parts.append(text(x, y, f"{math.floor(value + 0.5)}", size=14, colour=PAPER, more='text-anchor="middle"'))
    plot.line([(0.0, 15.0), (3.0, 15.0)], SOFT, "warns from here", (0.05, 16))
    return plot.svg()


def roles() -> str:
    """Draw who gives what to whom: a person, the health authority, others."""
    wide, high = 720, 250
    parts = [
        *_role(20, "A person", "tests positive (F0)", "own daily keys, 14 days"),
        *_role(270, "Health authority", "confirms, signs, publishes", "never learns who met whom"),
        *_role(520, "Other devices", "fetch, match, warn", "own contacts, 14 days"),
        *_gives(200, "daily keys,", "if they agree"),
        *_gives(450, "signed files,", "the same for all"),
        f'<path d="M610 178 V214 H110 V178" stroke="{COOL}" stroke-dasharray="5 4" fill="none" stroke-width="1.5"/>',
        text(wide / 2, 234, "Bluetooth, days before: identifiers that change", size=13, colour=COOL, more=MIDDLE),
    ]
    return drawing(wide, high, "What a person, the health authority and other devices give each other", parts)


def _role(x: float, name: str, does: str, keeps: str) -> list[str]:
    return [
        f'<rect x="{x:g}" y="60" width="180" height="118" rx="8" fill="#f5f7fa" stroke="{LINE}"/>',
        text(x + 90, 94, name, size=16, more=f'font-weight="600" {MIDDLE}'),
        text(x + 90, 124, does, size=13, more=MIDDLE),
        text(x + 90, 150, keeps, size=12, colour=SOFT, more=MIDDLE),
    ]


def _gives(x: float, what: str, how: str) -> list[str]:
    return [
        f'<path d="M{x + 6:g} 110 h58 m-7 -7 l7 7 l-7 7" stroke="{INK}" fill="none" stroke-width="1.5"/>',
        text(x + 35, 32, what, size=13, more=MIDDLE),
        text(x + 35, 50, how, size=12, colour=SOFT, more=MIDDLE),
        f'<path d="M{x + 35:g} 56 V100" stroke="{LINE}" stroke-width="1"/>',
    ]


DARK, LIGHT, RED = "#111827", "#e5e7eb", "#f87171"
EXPOSED: Final = ExposureAnswer(
    answer=Answer.EXPOSED, reasons=(), since=None, complete_check_at=None, listened_share=1.0
)
CONTACT: Final = AuthorityContact(name="CDC Đà Nẵng", telephone="1900 9095", text="Stay at home and call us.")


def warning() -> str:
    """Draw what `exposures` prints of a warning, by the sentences of the program."""
    minutes = [received(THAT_DAY_MIN + 50 + m, values) for m, values in enumerate(encounter()[:17])]
    (day,) = (ExposureDay.of(d) for d in day_exposures([Case(minutes)], MODELS["learned"]))
    answer = answer_lines(EXPOSED, [day], CONTACT)
    lines = [("$ bluezone-agent exposures", LIGHT)]
    lines += [(part, RED) for line in answer for part in wrap(line, 80)]
    lines += [(line, LIGHT) for line in describe(day).splitlines()]
    parts = [f'<rect width="720" height="{len(lines) * 20 + 28}" rx="8" fill="{DARK}"/>']
    parts += [
        text(18, 34 + n * 20, line, size=14, colour=colour, more='font-family="monospace" xml:space="preserve"')
        for n, (line, colour) in enumerate(lines)
    ]
    return drawing(720, len(lines) * 20 + 28, "A warning in a terminal", parts)


PICTURES: Final[dict[str, Callable[[], str]]] = {
    "way-of-an-advertisement.svg": partial(way_of_the_data, "An advertisement becomes a stored minute"),
    "way-of-a-daily-key.svg": partial(way_of_the_data, "A daily key becomes an advertisement"),
    "way-of-a-key-file.svg": partial(way_of_the_data, "A key file becomes a warning"),
    "roles.svg": roles,
    "warning.svg": warning,
    "rule-1-packets.svg": packets,
    "rule-2-weights.svg": weights,
    "rule-3-sum.svg": sums,
    "rule-4-days.svg": days,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), "utf-8")
