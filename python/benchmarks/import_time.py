"""How long `import infoplane` takes beyond NumPy, and which packages it does not import.

    python python/benchmarks/import_time.py

Every import is in a process of its own, after one that brings the files into memory.
"""

import argparse
import importlib.util
import json
import subprocess
import sys

from timing import duration, heading, median, table

#: Packages that are used where they are, and cost those nothing who do not use them.
OTHERS = ["torch", "jax", "keras", "tensorflow", "lightning", "transformers", "sklearn", "scipy"]
OTHERS += ["pandas", "polars", "pyarrow", "matplotlib", "tqdm", "IPython"]

PROGRAM = """
import json, sys, time
start = time.perf_counter()
import numpy
middle = time.perf_counter()
{statement}
end = time.perf_counter()
print(json.dumps([middle - start, end - middle, sorted(name for name in sys.modules if "." not in name)]))
"""


def imports(statement):
    """The seconds of NumPy and of what follows, and the packages that are loaded then, in a process of its own."""
    found = subprocess.run([sys.executable, "-c", PROGRAM.format(statement=statement)], stdout=subprocess.PIPE, check=True)
    return json.loads(found.stdout)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    heading("numpy")
    loaded = imports("import infoplane")[2]
    found = [imports("import infoplane") for _ in range(given.repeats)]
    table(
        [
            ["", "median", "fastest"],
            ["import numpy", *(duration(of([one[0] for one in found])) for of in (median, min))],
            ["import infoplane after it", *(duration(of([one[1] for one in found])) for of in (median, min))],
        ]
    )
    installed = [name for name in OTHERS if importlib.util.find_spec(name) is not None]
    print(f"\n{given.repeats} processes one after the other; installed of what is not to be imported: {', '.join(installed)}")
    print(f"imported of these: {', '.join(name for name in installed if name in loaded) or 'none'}")


if __name__ == "__main__":
    main()
