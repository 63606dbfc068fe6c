"""``convpool summary``: a network's table on the terminal, as HTML or as JSON."""

import argparse
import re
import sys
from typing import Any

from ._errors import UsageError
from .models import MODELS
from .nn import Summary
from .nn.summary import COLUMNS


def show(options: argparse.Namespace) -> None:
    """Print the table of one network."""
    if options.network not in MODELS:
        raise UsageError(f"no network {options.network!r}: there are {', '.join(MODELS)}")
    columns = COLUMNS if options.columns == "all" else filter(None, options.columns.split(","))
    table = MODELS[options.network]().summary(
        None if options.input is None else _sizes(options.input),
        depth=options.depth,
        columns=columns,
    )
    if options.json:
        print(table.to_json())
    elif options.html:
        print(table._repr_html_())
    else:
        _print(table, options.network)


def _sizes(text: str) -> tuple[int, ...]:
    """As in 3x224x224."""
    if not re.fullmatch(r"[0-9]+(x[0-9]+)*", text):
        raise UsageError(f"argument --input: got {text!r}, expected one like 3x224x224")
    return tuple(map(int, text.split("x")))


def _print(table: Summary, title: str) -> None:
    """By rich on a terminal, if it is installed; plain lines otherwise, as programs want them."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        print(table)
        return
    if not sys.stdout.isatty():
        print(table)
        return
    shown: Any = Table(title=title, show_footer=True)
    *rows, total = table.cells()
    for number, (heading, footer) in enumerate(zip(table.headings(), total, strict=True)):
        justify = "left" if number < table.left_aligned() else "right"
        shown.add_column(heading, footer=footer, justify=justify)
    for row in rows:
        shown.add_row(*row)
    Console(highlight=False).print(shown, *table.notes())
