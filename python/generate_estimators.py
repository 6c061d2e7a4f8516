"""Writes infoplane/estimators.py: a class for every estimator of the native code, with its settings as typed keywords.

Run it after an estimator or one of its settings changed: python python/generate_estimators.py
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from infoplane import _native

HERE = Path(__file__).parent / "infoplane" / "estimators.py"
WIDTH = 130


def class_name(name: str) -> str:
    """As in Rust: `bi-ksg` is BiKsg."""
    return "".join(part.capitalize() for part in name.split("-"))


def type_of(key: dict[str, Any]) -> str:
    """The type of a setting for checkers."""
    words = key["type"]
    choices = "Literal[" + ", ".join(f'"{choice}"' for choice in key["choices"]) + "]"
    plain = {
        "whole number": "int",
        "number": "float",
        "true or false": "bool",
        "list of numbers": "Sequence[float]",
        "list of whole numbers": "Sequence[int]",
    }
    if words in plain:
        return plain[words]
    if words == "text":
        return choices if key["choices"] else "str"
    if words == "list of 2 numbers or text":
        return f"Sequence[float] | {choices}"
    if words == "number or list of numbers or table":
        return "float | Sequence[float] | Mapping[str, float]"
    raise ValueError(f"{key['name']}: no type is known for {words!r}")


def sentence(text: str, indent: str) -> str:
    """Wrapped, with a full stop."""
    text = text[:1].upper() + text[1:]
    text = text if text.endswith(".") else text + "."
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def within(line: str, opening: str, closing: str) -> list[str]:
    """A line, or several where it is too long: what is between two brackets has lines of its own."""
    if len(line) <= WIDTH:
        return [line]
    start, end = line.index(opening) + len(opening), line.rindex(closing)
    indent = " " * (len(line) - len(line.lstrip()))
    inner = textwrap.wrap(
        line[start:end], WIDTH, initial_indent=indent + "    ", subsequent_indent=indent + "    ", break_on_hyphens=False
    )
    return [line[:start], *inner[:-1], f"{inner[-1]},", indent + line[end:]]


def write_class(info: dict[str, Any]) -> str:
    """The source of one class."""
    keys = sorted(info["keys"], key=lambda key: not key["required"])
    parameters, arguments, about = [], [], []
    for key in keys:
        of = type_of(key)
        if key["required"]:
            parameters.append(f"{key['name']}: {of}")
        elif key["default"] is None or isinstance(key["default"], (dict, list)):
            parameters.append(f"{key['name']}: {of} | None = None")
        else:
            default = f'"{key["default"]}"' if isinstance(key["default"], str) else repr(key["default"])
            parameters.append(f"{key['name']}: {of} = {default}")
        arguments.append(f"{key['name']}={key['name']}")
        about.append(f"    {key['name']}\n{sentence(key['about'], ' ' * 8)}")
    lines = [f"class {class_name(info['name'])}(Estimator):", f'    """{info["title"]}: {info["estimates"]}.', ""]
    lines += [sentence(f"When: {info['when']}", "    "), sentence(f"Cost: {info['cost']}", "    ")]
    lines += ["", sentence(f"Reference: {info['reference']}", "    ")]
    if about:
        lines += ["", "    Parameters", "    ----------", *about]
    lines += ['    """', "", f'    name = "{info["name"]}"', f'    _labels = "{info["labels"]}"']
    if keys:
        lines += ["", "    def __init__(", "        self,", "        *,"]
        lines += [line for parameter in parameters for line in within(f"        {parameter},", "[", "]")]
        lines += ["    ) -> None:", *within(f"        super().__init__({', '.join(arguments)})", "__init__(", ")")]
    else:
        lines += ["", "    def __init__(self) -> None:", "        super().__init__()"]
    return "\n".join(lines)


def source() -> str:
    """The whole file."""
    estimators = _native.estimators()
    names = sorted(class_name(info["name"]) for info in estimators)
    head = [
        '"""Every estimator as a class, with the names and settings of configuration files; `infoplane` has them all."""',
        "",
        "# Written by python/generate_estimators.py; do not edit.",
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping, Sequence",
        "from typing import Literal",
        "",
        "from ._estimate import Estimator",
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in names),
        "]",
    ]
    return "\n".join(head) + "\n\n\n" + "\n\n\n".join(write_class(info) for info in estimators) + "\n"


if __name__ == "__main__":
    HERE.write_text(source(), encoding="utf-8")
