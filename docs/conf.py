"""How the pages of this folder become a site, with those of the Python package from its docstrings and types.

`cargo xtask test --python` builds it in target/python/docs, and refuses what refers to nothing.
"""

import re
import sys
from pathlib import Path
from unittest.mock import MagicMock

import infoplane

project = "infoplane"
html_title = f"infoplane {infoplane.__version__}"
html_theme = "furo"
html_show_copyright = False
html_copy_source = False

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
myst_heading_anchors = 4
nitpicky = True
# Nothing is downloaded, so what other libraries document is not known.
nitpick_ignore_regex = [("py:.*", r"Figure|(collections|numpy|os|torch)\..*")]

# In docstrings what is between single backticks is code.
default_role = "code"
add_module_names = False
maximum_signature_line_length = 100
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
numpydoc_show_class_members = False

# No framework is needed to read what is written of it; classes that are derived from one of theirs need a class.
autodoc_mock_imports = ["jax", "torch"]


class _Base:
    """Stands for a class of a framework."""


keras = MagicMock(__version__="3")
keras.callbacks.Callback = _Base
sys.modules["keras"] = keras
sys.modules["lightning"] = sys.modules["lightning.pytorch"] = MagicMock(Callback=_Base)
sys.modules["transformers"] = MagicMock(TrainerCallback=_Base)

_HERE = Path(__file__).parent
_REPOSITORY = "https://github.com/infoplane/infoplane/blob/main/"


def _in_the_repository(link):
    """What a link out of this folder leads to."""
    path, mark, heading = link[1].partition("#")
    file = (_HERE / path).resolve(strict=True).relative_to(_HERE.parent.resolve())
    return f"]({_REPOSITORY}{file.as_posix()}{mark}{heading})"


def _read(app, name, source):
    source[0] = re.sub(r"\]\((\.\./[^)]+)\)", _in_the_repository, source[0])
    # What stands after the name of a language is for rustdoc.
    source[0] = re.sub(r"^```(\w+),\w+", r"```\1", source[0], flags=re.MULTILINE)


def setup(app):
    """Sphinx calls this."""
    app.connect("source-read", _read)
