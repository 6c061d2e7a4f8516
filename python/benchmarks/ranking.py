"""Columns ranked against a target: infoplane, with p-values, and scikit-learn's mutual_info functions, without, in turn.

    python python/benchmarks/ranking.py [--rows 10000] [--columns 1000] [--scikit-columns 50]

scikit-learn's time is of fewer columns, and shown for all: it is proportional to their number.
"""

import argparse
import warnings

import numpy as np
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from timing import heading, in_turn, median

import infoplane


def main() -> None:
    """Times both on the same columns, and prints the ratio."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=10_000)
    arguments.add_argument("--columns", type=int, default=1000)
    arguments.add_argument("--scikit-columns", type=int, default=50)
    arguments.add_argument("--repeats", type=int, default=3)
    given = arguments.parse_args()
    warnings.simplefilter("ignore", infoplane.InfoplaneWarning)
    heading("numpy", "scikit-learn")
    random = np.random.default_rng(1)
    y = random.normal(size=given.rows)
    x = random.normal(size=(given.rows, given.columns))
    x[:, ::20] += 0.2 * y[:, None]
    few = x[:, : given.scikit_columns]
    share = given.columns / given.scikit_columns
    for target, scikit, name in [
        ((y > 0).astype(int), mutual_info_classif, "two classes"),
        (y, mutual_info_regression, "numbers"),
    ]:
        works = {
            "infoplane, with p-values": lambda target=target: infoplane.rank(x, target),
            "infoplane, without": lambda target=target: infoplane.rank(x, target, permutations=0),
            "scikit-learn, without": lambda target=target, scikit=scikit: scikit(few, target),
        }
        for work, seconds in in_turn(works, given.repeats).items():
            of_all = median(seconds) * (share if work.startswith("scikit") else 1)
            print(f"{name:12} {work:26} {of_all:8.2f} s for {given.columns} columns of {given.rows} rows")


if __name__ == "__main__":
    main()
