"""How Sphinx makes the documentation: `sphinx-build -W docs docs/_build`.

The reference comes from docstrings. Its list of modules is convpool.__all__, so that nothing public
is left out; pages are generated in docs/api.
"""

import re
from inspect import ismodule
from pathlib import Path

import convpool

project = "convpool"
author = "the convpool developers"
version = release = convpool.__version__
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
]
html_theme = "furo"
html_title = f"convpool {release}"
templates_path = ["_templates"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

autosummary_generate = True
autosummary_ignore_module_all = False  # members are those that __all__ names, imported or not
autosummary_imported_members = True
autodoc_typehints = "none"  # docstrings say it
numpydoc_show_class_members = False

# Those of extras are no part of `from convpool import *`.
modules = [name for name in convpool.__all__ if ismodule(getattr(convpool, name))]
modules = sorted([*modules, "dask", "plot"])
entries = ["convpool", *(f"convpool.{name}" for name in modules)]
lines = ["Reference", "=========", "", ".. autosummary::", "   :toctree:", ""]
lines += [f"   {entry}" for entry in entries]
api = Path(__file__).parent / "api"
api.mkdir(exist_ok=True)
(api / "index.rst").write_text("\n".join(lines) + "\n", encoding="utf-8")


def escape_stars(app, what, name, obj, options, lines):
    """In a shape, as in (channels, *kernel), a star is no emphasis."""
    lines[:] = [re.sub(r"(?<=[(, ])\*(?=\w+[,)])", r"\\*", line) for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", escape_stars, priority=900)  # after numpydoc
