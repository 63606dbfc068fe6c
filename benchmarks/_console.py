"""What a person sees while it runs: by rich where it is installed, else plain lines."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

try:
    import rich.box
    import rich.console
    import rich.progress
    import rich.table
except ImportError:
    HAS_RICH = False
else:
    HAS_RICH = True

Item = TypeVar("Item")


def say(text: str) -> None:
    """Print one line as it stands."""
    print(text, flush=True)


def track(items: Sequence[Item], names: Iterable[str]) -> Iterator[Item]:
    """Hand out the items and show which one is at work."""
    if not HAS_RICH:
        for i, (item, name) in enumerate(zip(items, names, strict=True), 1):
            say(f"[{i}/{len(items)}] {name}")
            yield item
        return
    # Redrawn only between items: a clock of its own would run beside the calls being timed.
    columns = (
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeElapsedColumn(),
        rich.progress.TextColumn("{task.description}", markup=False),
    )
    with rich.progress.Progress(*columns, auto_refresh=False, transient=True) as progress:
        task = progress.add_task("", total=len(items))
        for item, name in zip(items, names, strict=True):
            progress.update(task, description=name, refresh=True)
            yield item
            progress.advance(task)


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> None:
    """Print a table whose first columns are text and whose others are figures."""
    if not HAS_RICH:
        lines = [list(headings), *map(list, rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        say(f"\n{title}")
        for line in lines:
            cells = (
                cell.ljust(width) if i < left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            say("  ".join(cells).rstrip())
        return
    shown = rich.table.Table(title=title, box=rich.box.SIMPLE, title_justify="left")
    for i, heading in enumerate(headings):
        shown.add_column(heading, justify="left" if i < left else "right", overflow="fold")
    for row in rows:
        shown.add_row(*row)
    console = rich.console.Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(shown)
