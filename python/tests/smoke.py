"""What an installed package does at the least: estimates, records and loads. It runs in an environment without the tools of the tests."""

import importlib.resources
import sys
import tempfile
from pathlib import Path

import numpy as np

import infoplane

rng = np.random.default_rng(0)
x = rng.normal(size=500)
estimate = infoplane.mutual_information(x, x + rng.normal(size=500), estimator="ksg")
assert abs(estimate.nats - 0.5 * np.log(2)) < 0.1, estimate

labels = np.repeat(["cat", "dog"], 50)
run = Path(tempfile.mkdtemp()) / "run"
with infoplane.Recorder(run, labels, infoplane.Kde(noise_variances=[1e-3])) as recorder:
    for epoch in range(3):
        recorder.record(epoch, {"hidden": rng.normal(size=(100, 4)), "output": rng.normal(size=(100, 1))}, loss=1.0)
plane = infoplane.load(run).plane
assert len(plane) == 12 and np.isfinite(plane["i_xt_bits"]).all(), plane
assert infoplane.load(run).figures("svg")

assert importlib.resources.files("infoplane").joinpath("py.typed").is_file()
print(f"infoplane {infoplane.__version__} runs in Python {sys.version.split()[0]} with NumPy {np.__version__}")
