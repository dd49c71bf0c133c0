"""The received power of each pair in each phase, from packets that the engine counted by RSSI.

A quantile of an engine holds every packet in memory; an RSSI is a whole number, so there are some dozen rows a pair.
"""

from __future__ import annotations

from typing import Any, Final

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
KEY: Final = ("phase", "receiver", "sender")
QUANTILES: Final = {"median_dbm": 0.5, "low_dbm": 0.05, "high_dbm": 0.95}


def counted(adverts: ir.Table) -> ir.Table:
    """Return the packets of each pair in each phase by RSSI, and the sums of their known distances."""
    return (
        adverts.filter(_.phase != "")
        .group_by(*KEY, "rssi_dbm")
        .aggregate(packets=_.count(), distances=_.distance_m.count(), metres=_.distance_m.sum())
        .order_by(*KEY, "rssi_dbm")
    )


def by_phase(counted: pa.Table) -> list[dict[str, Any]]:
    """Return a row for each pair and phase of :func:`counted`, in its order; None is what is not known."""
    edges = _edges(counted)
    packets, distances = (counted[name].to_numpy().astype(np.int64) for name in ("packets", "distances"))
    metres, dbm = (counted[name].cast(pa.float64()).to_numpy() for name in ("metres", "rssi_dbm"))
    names = [counted[name].take(pa.array(edges[:-1])).to_pylist() for name in KEY]
    rows = zip(*names, edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return [
        {"phase": phase, "receiver": receiver, "sender": sender, "packets": int(packets[i:k].sum())}
        | {"distance_m": float(np.nansum(metres[i:k]) / n) if (n := distances[i:k].sum()) else None}
        | _levels(dbm[i:k], packets[i:k])
        for phase, receiver, sender, i, k in rows
    ]


def _edges(counted: pa.Table) -> Ints:
    """Return where each pair and phase begins, and the number of rows."""
    if not counted.num_rows:
        return np.zeros(1, dtype=np.int64)
    codes = np.column_stack(
        [counted[name].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False) for name in KEY]
    )
    changes = np.flatnonzero((codes[1:] != codes[:-1]).any(axis=1)) + 1
    return np.concatenate(([0], changes, [len(codes)])).astype(np.int64)


def _levels(dbm: Floats, packets: Ints) -> dict[str, float | None]:
    """Return mean, quantiles and sample deviation of so many packets of each RSSI; NaN is none."""
    known = ~np.isnan(dbm)
    dbm, packets = dbm[known], packets[known]
    order = np.argsort(dbm)
    dbm, upto, count = dbm[order], np.cumsum(packets[order]), int(packets.sum())
    if not count:
        return dict.fromkeys(("mean_dbm", *QUANTILES, "deviation_db"))
    mean_dbm = float((dbm * packets[order]).sum() / count)
    squares = float(((dbm - mean_dbm) ** 2 * packets[order]).sum())
    return {
        "mean_dbm": mean_dbm,
        **{name: _quantile(dbm, upto, share * (count - 1)) for name, share in QUANTILES.items()},
        "deviation_db": (squares / (count - 1)) ** 0.5 if count > 1 else None,
    }


def _quantile(ascending: Floats, upto: Ints, place: float) -> float:
    """Return the value at a place, between two where it is between them."""
    low, high = ascending[np.searchsorted(upto, (np.floor(place), np.ceil(place)), "right")]
    return float(low + (high - low) * (place - np.floor(place)))
