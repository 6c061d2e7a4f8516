"""Writes the seeds of data files, as other programs write them. Needs numpy, scipy, h5py and safetensors."""

import gzip
import struct
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from safetensors.numpy import save_file

SEEDS = Path(__file__).parent / "seeds"
X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.array([0, 1, 1, 0])


def place(target: str, name: str) -> Path:
    (SEEDS / target).mkdir(parents=True, exist_ok=True)
    return SEEDS / target / name


def idx(kind: int, array: np.ndarray) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


np.save(place("npy", "f4.npy"), X)
np.save(place("npy", "fortran.npy"), np.asfortranarray(X.astype(">f8")))
np.save(place("npy", "i8.npy"), Y)
np.save(place("npy", "text.npy"), np.array(["a", "bc", "d"]))
np.save(place("npy", "bool.npy"), Y.astype(bool))
np.save(place("npy", "f2.npy"), X.astype(np.float16))
np.savez(place("npz", "plain.npz"), x=X, y=Y)
np.savez_compressed(place("npz", "packed.npz"), x=X, y=Y)
place("idx", "images").write_bytes(idx(8, np.arange(8, dtype=np.uint8).reshape(2, 2, 2)))
place("idx", "floats").write_bytes(idx(0x0D, X.astype(">f4")))
place("idx", "packed").write_bytes(gzip.compress(idx(8, Y.astype(np.uint8)), mtime=0))
scipy.io.savemat(place("mat", "plain.mat"), {"x": X, "y": Y})
scipy.io.savemat(place("mat", "packed.mat"), {"x": X, "s": "text", "c": np.array([1, "a"], dtype=object)}, do_compression=True)
scipy.io.savemat(place("mat", "v4.mat"), {"x": X}, format="4")
for name, version in [("earliest.h5", "earliest"), ("latest.h5", "latest")]:
    with h5py.File(place("hdf5", name), "w", libver=version) as file:
        file["x"] = X
        file.create_dataset("packed", data=np.tile(X, (2, 1)), chunks=(2, 3), compression="gzip", shuffle=True)
        file["group/y"] = Y
        file["text"] = np.array([b"a", b"bc"])
save_file({"x": X, "y": Y}, place("safetensors", "two.safetensors"))
place("csv", "header.csv").write_text("x,y,label\n1,2.5,a\n2,NA,b\n3,1e-3,a\n")
place("csv", "pandas.csv").write_text(";a;b\n0;0,5;1,5\n1;NA;2,5\n")
place("csv", "quoted.csv").write_text('"x","a, b"\n1,"c ""d"""\n# comment\n2,\'e\'\n')
place("csv", "tabs.tsv").write_bytes("x\ty\n1\t2\n3\t4\n".encode("utf-16"))
