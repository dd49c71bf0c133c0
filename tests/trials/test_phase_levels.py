"""What a report says of a phase, from packets counted by RSSI, is what it says of every packet."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.trials.phase_levels import by_phase

packets = st.lists(
    st.tuples(
        st.sampled_from(("one", "two")),
        st.sampled_from("ab"),
        st.sampled_from("cd"),
        st.one_of(st.none(), st.integers(-100, -30)),
        st.one_of(st.none(), st.sampled_from((0.5, 2.0, 7.25))),
    ),
    max_size=60,
)


@given(packets)
def test_levels_are_those_of_every_packet(rows: list[tuple[str, str, str, int | None, float | None]]) -> None:
    counts, metres = Counter(row[:4] for row in rows), {row[:4]: list[float]() for row in rows}
    for row in rows:
        metres[row[:4]] += [] if row[4] is None else [row[4]]
    keys = sorted(counts, key=lambda key: (key[:3], key[3] is None, key[3] or 0))
    names = ("phase", "receiver", "sender")
    columns = {name: pa.array([key[number] for key in keys], pa.string()) for number, name in enumerate(names)}
    columns["rssi_dbm"] = pa.array([k[3] for k in keys], pa.int64())
    columns["packets"] = pa.array([counts[k] for k in keys], pa.int64())
    columns["distances"] = pa.array([len(metres[k]) for k in keys], pa.int64())
    columns["metres"] = pa.array([sum(metres[k]) if metres[k] else None for k in keys], pa.float64())
    found = by_phase(pa.table(columns))
    assert [(f["phase"], f["receiver"], f["sender"]) for f in found] == sorted({row[:3] for row in rows})
    for one in found:
        its = [r for r in rows if r[:3] == (one["phase"], one["receiver"], one["sender"])]
        dbm, apart = [r[3] for r in its if r[3] is not None], [r[4] for r in its if r[4] is not None]
        assert one["packets"] == len(its)
        assert one["distance_m"] == (pytest.approx(np.mean(apart)) if apart else None)
        for name, share in (("median_dbm", 0.5), ("low_dbm", 0.05), ("high_dbm", 0.95)):
            assert one[name] == (pytest.approx(np.quantile(dbm, share)) if dbm else None)
        assert one["mean_dbm"] == (pytest.approx(np.mean(dbm)) if dbm else None)
        assert one["deviation_db"] == (pytest.approx(np.std(dbm, ddof=1), abs=1e-9) if len(dbm) > 1 else None)
