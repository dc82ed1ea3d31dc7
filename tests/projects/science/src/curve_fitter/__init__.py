"""Reads a table with pandas, fits an exponential with scipy, draws it with matplotlib, says what it found as JSON."""

from __future__ import annotations

import json
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
from scipy import interpolate, optimize, sparse, stats

mpl.use("agg")
from matplotlib import pyplot as plt  # after the choice of what draws


def curve(x: np.ndarray, height: float, rate: float) -> np.ndarray:
    """The curve that is fitted."""
    return height * np.exp(-rate * x)


def main() -> None:
    """`curve-fitter TABLE.csv PICTURE.png`: columns x and y, and a day for each row."""
    source, picture = sys.argv[1:]
    table = pd.read_csv(source, parse_dates=["day"])
    (height, rate), _ = optimize.curve_fit(curve, table.x.to_numpy(), table.y.to_numpy(), p0=(1.0, 1.0))
    between = float(interpolate.CubicSpline(table.x, table.y)(2.5))
    solved = sparse.linalg.spsolve(sparse.eye(3, format="csc") * 2, np.array([2.0, 4.0, 6.0]))
    figure, axes = plt.subplots(figsize=(4, 3), dpi=100)
    axes.plot(table.x, table.y, "o", label=r"$h e^{-r x}$")
    axes.legend()
    figure.savefig(picture)
    weeks = table.set_index("day").tz_localize("Europe/Paris").resample("W").y.count()
    found = {"height": height, "rate": rate, "between": between, "solved": solved.tolist(), "weeks": weeks.tolist()}
    print(json.dumps({**found, "normal": float(stats.norm.cdf(0.0))}))
