"""Writes the tables and arrays of this folder, each as some program writes it. All hold the same twelve rows.

Run it in this folder: `python make.py` (numpy, pandas, scipy). What R, MATLAB and spreadsheets write was copied by hand
from their formats, since they cannot be called from here.
"""

import gzip
import zipfile

import numpy as np
import pandas as pd
import scipy.io

A = np.array([0.5, -0.25, 2.0, 1.75, -3.5, 0.05, 4.25, -0.75, 1.5, 2.25, -1.0, 0.125])
B = np.array([7.0, 3.5, -0.5, 0.25, 12.5, -8.0, 1.25, 6.75, -2.5, 0.75, 5.5, -4.25])
Y = np.array([0, 1, 1, 0, 2, 0, 1, 2, 0, 1, 2, 0])
GROUP = np.array(["ctl", "trt", "hi, there"])[Y]
N = len(A)
T = np.c_[A, B]
table = pd.DataFrame(dict(a=A, b=B, y=Y, group=GROUP))


def write(name, text, encoding="utf-8"):
    open(name, "w", encoding=encoding, newline="").write(text)


# pandas
table.to_csv("pandas-index.csv")
table.to_csv("pandas.csv", index=False)
table.to_csv("pandas-bom.csv", index=False, encoding="utf-8-sig")
table.to_csv("pandas-utf16.csv", index=False, encoding="utf-16")
table.to_csv("pandas-quoted.csv", index=False, quoting=1)
table.to_csv("pandas-tabs.csv", index=False, sep="\t")
table.to_csv("pandas-crlf.csv", index=False, lineterminator="\r\n")
table.to_csv("pandas-european.csv", index=False, sep=";", decimal=",")
table.to_csv("pandas-european-index.csv", sep=";", decimal=",")
table.to_csv("pandas.csv.gz", index=False, compression=dict(method="gzip", mtime=0))
table.to_csv("pandas-headerless.csv", index=False, header=False)
table.set_index(np.array([7, 3, 11, 0, 5, 1, 9, 2, 10, 4, 8, 6])).to_csv("pandas-shuffled.csv")
table.reset_index().to_csv("pandas-unnamed.csv")
again = pd.read_csv("pandas-index.csv")
again.to_csv("pandas-twice.csv")
pd.DataFrame(np.c_[T, A]).to_csv("pandas-numbered.csv", index=False)
pd.DataFrame(T).to_csv("pandas-numbered-index.csv")
table[["a"]].to_csv("pandas-european-one.csv", index=False, sep=";", decimal=",")
table[["a"]].to_csv("pandas-european-one-headerless.csv", index=False, header=False, sep=";", decimal=",")
table.y.to_csv("pandas-series.csv")
pd.DataFrame(np.eye(3, dtype=int)[Y], columns=list("uvw")).to_csv("pandas-one-hot.csv", index=False)
pd.DataFrame(np.eye(3, dtype=bool)[Y], columns=list("uvw")).to_csv("pandas-one-hot-bool.csv")
pd.DataFrame(dict(a=A, big=A > 1)).to_csv("pandas-bool.csv", index=False)
gaps = table.copy()
gaps.loc[[2, 5], "a"] = np.nan
gaps.loc[[5, 9], "group"] = None
gaps.to_csv("pandas-missing.csv", index=False)
gaps.to_csv("pandas-missing-na.csv", index=False, na_rep="NA")
gaps[["a"]].to_csv("pandas-missing-one.csv", index=False)
with zipfile.ZipFile("pandas.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr(zipfile.ZipInfo("pandas.csv", (1980, 1, 1, 0, 0, 0)), open("pandas.csv", "rb").read())

# numpy
np.savetxt("numpy.txt", T)
np.savetxt("numpy.dat", T)
np.savetxt("numpy.csv", T, delimiter=",")
np.savetxt("numpy.tsv", T, delimiter="\t")
np.savetxt("numpy-names.csv", T, delimiter=",", header="a,b")
np.savetxt("numpy-names.txt", T, header="a b")
np.savetxt("numpy-comments.csv", T, delimiter=",", header="made by tool 3\na,b")
np.savetxt("numpy-labels.txt", Y, fmt="%d")
np.savetxt("numpy-labels-float.txt", Y)
np.savetxt("numpy-row.csv", A[None], delimiter=",")
np.savetxt("numpy-row-labels.csv", Y[None], delimiter=",", fmt="%d")
np.save("numpy-row.npy", A[None])
np.save("numpy-text.npy", GROUP)
np.save("numpy-cube.npy", T.reshape(N, 2, 1))
np.save("numpy-object.npy", np.array([A, "x"], dtype=object), allow_pickle=True)
np.savez("numpy-names.npz", **{"layer/conv:0": T, "a,b": A, "größe 1": B, "x.npy": Y})

# R
rows = range(N)
write("r-csv.csv", '"","a","b","y","group"\n' + "".join(f'"{i + 1}",{A[i]:g},{B[i]:g},{Y[i]},"{GROUP[i]}"\n' for i in rows))
write("r-csv-no-names.csv", '"a","b","y","group"\n' + "".join(f'{A[i]:g},{B[i]:g},{Y[i]},"{GROUP[i]}"\n' for i in rows))
comma = lambda x: f"{x:g}".replace(".", ",")
write(
    "r-csv2.csv",
    '"";"a";"b";"y";"group"\n' + "".join(f'"{i + 1}";{comma(A[i])};{comma(B[i])};{Y[i]};"{GROUP[i]}"\n' for i in rows),
)
write("r-table.txt", '"a" "b" "y" "group"\n' + "".join(f'"{i + 1}" {A[i]:g} {B[i]:g} {Y[i]} "{GROUP[i]}"\n' for i in rows))
write("r-table-plain.txt", "a b y\n" + "".join(f"{i + 1} {A[i]:g} {B[i]:g} {Y[i]}\n" for i in rows))
write("r-table-tabs.txt", "a\tb\ty\n" + "".join(f"row {i}\t{A[i]:g}\t{B[i]:g}\t{Y[i]}\n" for i in rows))
write("r-logical.csv", '"a","big"\n' + "".join(f"{A[i]:g},{'TRUE' if A[i] > 1 else 'FALSE'}\n" for i in rows))
write(
    "r-missing.csv",
    '"a","group"\n' + "".join(f'{"NA" if i in (2, 5) else f"{A[i]:g}"},{"NA" if i in (5, 9) else chr(34) + GROUP[i] + chr(34)}\n' for i in rows),
)

# Spreadsheets
lines = "".join(f'{comma(A[i])};{comma(B[i])};{Y[i]};{GROUP[i]}\r\n' for i in rows)
write("sheet-european.csv", "\ufeffa;b;y;group\r\n" + lines)
write("sheet-sep.csv", "sep=;\r\na;b;y;group\r\n" + lines)
write("sheet-windows.csv", "größe;b;y;group\r\n" + lines, "cp1252")
write("sheet-unicode.txt", "\ufeffa\tb\ty\tgroup\r\n" + lines.replace(";", "\t"), "utf-16-le")
write("sheet-macintosh.csv", "a,b,y\r" + "".join(f"{A[i]:g},{B[i]:g},{Y[i]}\r" for i in rows))
write("sheet-trailing.csv", "a,b,y,\r\n" + "".join(f"{A[i]:g},{B[i]:g},{Y[i]},\r\n" for i in rows))
write("sheet-blank-lines.csv", "a,b,y\n\n" + "".join(f"{A[i]:g},{B[i]:g},{Y[i]}\n\n" for i in rows))

# MATLAB
write("matlab-writetable.csv", "a,b,y,group\n" + "".join(f'{A[i]:g},{B[i]:g},{Y[i]},"{GROUP[i]}"\n' for i in rows))
write("matlab-ascii.txt", "".join(f"  {A[i]:15.7e} {B[i]:15.7e}\n" for i in rows))
matlab = dict(T=T, row=A, y=Y.astype(float), cube=T.reshape(N, 1, 2), chars=np.array(["neg", "pos", "mid"])[Y])
matlab |= dict(cell=GROUP.astype(object), st=dict(T=T), logical=Y > 0)
scipy.io.savemat("matlab.mat", matlab)
scipy.io.savemat("matlab-4.mat", dict(T=T), format="4")
data = bytearray(open("matlab.mat", "rb").read())
# The header holds the date.
data[:116] = b"MATLAB 5.0 MAT-file".ljust(116)
open("matlab.mat", "wb").write(data)
