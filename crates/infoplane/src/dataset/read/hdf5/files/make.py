"""Writes the HDF5 files of the tests: pip install h5py numpy, then python make.py."""
import gzip
import os

import h5py
import numpy as np

values = np.arange(120, dtype="f4").reshape(10, 3, 2, 2) / 4 - 7


def fill(f, links):
    f["plain"] = values
    f.create_dataset("epoch-010/conv1", data=values, chunks=(4, 2, 2, 2), compression="gzip", shuffle=True)
    f.create_dataset("epoch-010/f8", data=values.astype("f8").reshape(10, 12), chunks=(3, 5))
    f.create_dataset("sums", data=np.arange(-3, 40, dtype=">i2"), chunks=(7,), fletcher32=True)
    f["train/x"] = values
    f["train/y"] = np.arange(10) % 3
    f["half"] = values.astype("f2")
    f["yes"] = np.array([True, False, True])
    f["animal"] = np.array([b"dog", b"cat", b"dog"])
    f["words"] = ["dog", "cat"]
    f["complex"] = np.array([1 + 2j])
    f["soft"] = h5py.SoftLink("/plain")
    f.create_dataset("grown", data=values, maxshape=(None, 3, 2, 2), chunks=(4, 3, 2, 2))
    f["grown"].resize(7, axis=0)
    f.create_dataset("unwritten", (5, 2), "f4", chunks=(2, 2))
    f["unwritten"][:4] = 1
    f.create_dataset("lzf", data=values, compression="lzf")
    many = f.create_group("many")
    for i in range(links):
        many[f"layer {i} of many"] = np.uint8([i % 256])


with h5py.File("earliest.h5", "w", libver=("earliest", "v110")) as f:
    fill(f, 70)
with h5py.File("v108.h5", "w", libver=("v108", "v108")) as f:
    fill(f, 150)
with h5py.File("latest.h5", "w", libver="latest") as f:
    f["plain"] = values
    f.create_dataset("one", data=values, chunks=values.shape)
    f.create_dataset("several", data=values, chunks=(4, 3, 2, 2))
with h5py.File("v73.mat", "w", userblock_size=512, libver=("earliest", "v110")) as f:
    # MATLAB: x = reshape(0:23, 4, 3, 2); y = [2; 0; 1; 1].
    f["x"] = np.arange(24.0).reshape(2, 3, 4)
    f["y"] = np.array([[2.0, 0, 1, 1]])
    f["#refs#/a"] = np.zeros(3)
with open("v73.mat", "r+b") as f:
    f.write(b"MATLAB 7.3 MAT-file, written by make.py".ljust(124) + b"\x00\x02IM")

# Most of such a file is empty space.
for name in ["earliest.h5", "v108.h5", "latest.h5", "v73.mat"]:
    with open(name, "rb") as file, open(name + ".gz", "wb") as packed:
        packed.write(gzip.compress(file.read(), mtime=0))
    os.remove(name)
