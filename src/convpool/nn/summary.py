"""The table of a network's layers."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from .._arguments import choice, integer

if TYPE_CHECKING:
    from ._geometry import Shape
    from ._layer import Visit

COLUMNS = ("input_shape", "weights", "receptive_field", "memory", "share")


@dataclass(frozen=True)
class Row:
    """What a summary says of one layer, or of several that share a name.

    Attributes
    ----------
    name, kind : str
        The layer's name in its network and its class.
    kernel, stride : tuple of int, or None
        Of convolutions and pooling.
    input_shape, output_shape : tuple of int
        With a batch if the summary was asked for one.
    parameters, weights : int
        What is trained, and what of it is no bias. A layer that occurs twice counts the first
        time.
    macs : int
        Multiply-adds, as `Layer.macs` counts them.
    receptive_field : tuple of int
        Rows and columns of the network's input that one output sees, if the image is large enough.
    memory : int
        Bytes of the output in float32; none where it is that of other layers, as of `Concat`.
    fully_connected : int
        How many of the parameters belong to `Linear` layers.
    fully_connected_macs : int
        Likewise of the multiply-adds.

    Examples
    --------
    >>> from convpool import nn
    >>> row = nn.Conv2d(64, 192, 3, padding=1).summary((64, 56, 56)).rows[0]
    >>> row.weights, row.parameters, row.output_shape
    (110592, 110784, (192, 56, 56))
    """

    name: str
    kind: str
    kernel: "Shape | None"
    stride: "Shape | None"
    input_shape: "Shape"
    output_shape: "Shape"
    parameters: int
    weights: int
    macs: int
    receptive_field: "Shape"
    memory: int
    fully_connected: int
    fully_connected_macs: int


@dataclass(frozen=True)
class Summary:
    """A table of layers: printed, read by programs, or shown by a notebook.

    Attributes
    ----------
    rows : list of Row
        In the order of computation.
    columns : tuple of str
        Those shown beside the usual ones.

    Examples
    --------
    >>> from convpool import models
    >>> table = models.googlenet().summary()
    >>> table.parameters, table.macs
    (6998552, 1582671872)
    """

    rows: list[Row]
    columns: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        visits: "Sequence[Visit]",
        batch: "Shape",
        depth: int | None,
        columns: Iterable[str],
    ) -> "Summary":
        """Make the table of layers as they were passed; `Layer.summary` calls this.

        Examples
        --------
        >>> from convpool import nn
        >>> nn.Summary.of([], (), None, ()).rows
        []
        """
        if isinstance(columns, str):
            columns = [columns]
        wanted = tuple(choice("columns", column, COLUMNS) for column in columns)
        if depth is not None:
            depth = integer("depth", depth, 1)
        rows = list(_rows(visits, batch))
        return cls(rows if depth is None else _added_up(rows, depth), wanted)

    @property
    def parameters(self) -> int:
        """How many there are in all."""
        return sum(row.parameters for row in self.rows)

    @property
    def weights(self) -> int:
        """Parameters that are no biases."""
        return sum(row.weights for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-adds of all layers."""
        return sum(row.macs for row in self.rows)

    @property
    def memory(self) -> int:
        """Bytes of all outputs in float32, if every one was kept, as training does."""
        return sum(row.memory for row in self.rows)

    @property
    def fully_connected_share(self) -> float:
        """The share of the parameters that belongs to fully connected layers, from 0 to 1."""
        return sum(row.fully_connected for row in self.rows) / max(1, self.parameters)

    @property
    def fully_connected_macs_share(self) -> float:
        """Their share of the multiply-adds, from 0 to 1."""
        return sum(row.fully_connected_macs for row in self.rows) / max(1, self.macs)

    # Showing

    def headings(self) -> list[str]:
        """Return the headings of what is shown.

        Examples
        --------
        >>> from convpool import nn
        >>> nn.ReLU().summary((1,)).headings()
        ['layer', 'kernel', 'output', 'parameters', 'multiply-adds']
        """
        named = {"input_shape": "input", "receptive_field": "sees", "share": "of parameters"}
        before = ["input"] * ("input_shape" in self.columns)
        after = [named.get(name, name) for name in self.columns if name != "input_shape"]
        return ["layer", "kernel", *before, "output", "parameters", "multiply-adds", *after]

    def cells(self) -> list[list[str]]:
        """Return what is shown: a line for each row, then the total.

        Examples
        --------
        >>> from convpool import nn
        >>> nn.ReLU().summary((1,)).cells()[0]
        ['ReLU', '', '1', '0', '0']
        """
        every = max(1, self.parameters)
        lines = []
        for row in self.rows:
            shown = {
                "weights": f"{row.weights:,}",
                "receptive_field": _by(row.receptive_field),
                "memory": _bytes(row.memory),
                "share": f"{row.parameters / every:.1%}",
            }
            before = [_shape(row.input_shape)] * ("input_shape" in self.columns)
            after = [shown[name] for name in self.columns if name != "input_shape"]
            kind = "" if row.kind.lower() == row.name else row.kind
            name = " ".join(filter(None, (row.name, kind)))
            output = _shape(row.output_shape)
            counts = [f"{row.parameters:,}", f"{row.macs:,}"]
            lines.append([name, _kernel(row), *before, output, *counts, *after])
        shown = {
            "weights": f"{self.weights:,}",
            "receptive_field": "",
            "memory": _bytes(self.memory),
            "share": "100.0%",
        }
        before = [""] * ("input_shape" in self.columns)
        after = [shown[name] for name in self.columns if name != "input_shape"]
        lines.append(["total", "", *before, "", f"{self.parameters:,}", f"{self.macs:,}", *after])
        return lines

    def notes(self) -> list[str]:
        """Return what is said below the table.

        Examples
        --------
        >>> from convpool import nn
        >>> nn.Linear(4, 2).summary((4,), columns=["share"]).notes()
        ['fully connected: 100.0% of parameters, 100.0% of multiply-adds']
        """
        if "share" not in self.columns:
            return []
        return [
            f"fully connected: {self.fully_connected_share:.1%} of parameters, "
            f"{self.fully_connected_macs_share:.1%} of multiply-adds"
        ]

    def __str__(self) -> str:
        """Lines of aligned columns."""
        table = [self.headings(), *self.cells()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        left = self.left_aligned()
        lines = [
            "  ".join(
                cell.ljust(width) if number < left else cell.rjust(width)
                for number, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        ]
        return "\n".join([*lines, *self.notes()])

    def left_aligned(self) -> int:
        """Return how many columns hold words and shapes: these come first.

        Examples
        --------
        >>> from convpool import nn
        >>> nn.ReLU().summary((1,)).left_aligned()
        3
        """
        return 3 + ("input_shape" in self.columns)

    def _repr_html_(self) -> str:
        """The same as a table of HTML."""
        import html

        left = self.left_aligned()

        def line(cells: Sequence[str], tag: str) -> str:
            whole = "".join(
                f'<{tag} style="text-align:{"left" if number < left else "right"}">'
                f"{html.escape(cell)}</{tag}>"
                for number, cell in enumerate(cells)
            )
            return f"<tr>{whole}</tr>"

        *rows, total = self.cells()
        body = "\n".join(line(row, "td") for row in rows)
        notes = "".join(f"\n<p>{html.escape(note)}</p>" for note in self.notes())
        return (
            f"<table>\n<thead>{line(self.headings(), 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n"
            f"<tfoot>{line(total, 'th')}</tfoot>\n</table>{notes}"
        )

    def to_json(self) -> str:
        """Return rows and totals as JSON.

        Examples
        --------
        >>> import json
        >>> from convpool import nn
        >>> json.loads(nn.Linear(4, 2).summary((4,)).to_json())["total"]["parameters"]
        10
        """
        import json

        total = {
            "parameters": self.parameters,
            "weights": self.weights,
            "macs": self.macs,
            "memory": self.memory,
            "fully_connected_share": self.fully_connected_share,
            "fully_connected_macs_share": self.fully_connected_macs_share,
        }
        return json.dumps({"rows": [asdict(row) for row in self.rows], "total": total}, indent=2)


def _rows(visits: "Sequence[Visit]", batch: "Shape") -> Iterator[Row]:
    """A row for each layer."""
    counted: set[int] = set()
    for visit in visits:
        layer, shape = visit.layer, visit.leaving.shape
        first = id(layer) not in counted and bool(layer.array_shapes)
        counted.add(id(layer))
        macs = math.prod(batch) * layer._macs(shape)
        parameters = layer.parameters if first else 0
        yield Row(
            visit.name,
            type(layer).__name__,
            None if layer.windows is None else layer.windows.kernel,
            None if layer.windows is None else layer.windows.stride,
            (*batch, *visit.entering.shape),
            (*batch, *shape),
            parameters,
            layer.weights if first else 0,
            macs,
            visit.leaving.field,
            4 * math.prod(batch) * math.prod(shape) * layer.copies,
            parameters * layer.fully_connected,
            macs * layer.fully_connected,
        )


def _added_up(rows: list[Row], depth: int) -> list[Row]:
    """Neighbours whose names agree in `depth` parts as one row."""
    groups: list[tuple[str, list[Row]]] = []
    for row in rows:
        name = ".".join(row.name.split(".")[:depth])
        if groups and groups[-1][0] == name:
            groups[-1][1].append(row)
        else:
            groups.append((name, [row]))
    return [members[0] if len(members) == 1 else _sum_of(name, members) for name, members in groups]


def _sum_of(name: str, rows: list[Row]) -> Row:
    last = rows[-1]
    added = {
        field.name: sum(getattr(row, field.name) for row in rows)
        for field in fields(Row)
        if field.type is int
    }
    return Row(
        name=name,
        kind="",
        kernel=None,
        stride=None,
        input_shape=rows[0].input_shape,
        output_shape=last.output_shape,
        receptive_field=last.receptive_field,
        **added,
    )


def _by(sizes: "Shape") -> str:
    return "x".join(map(str, sizes))


def _shape(sizes: "Shape") -> str:
    return " x ".join(map(str, sizes))


def _kernel(row: Row) -> str:
    """As in 7x7/2; a stride of 1 is not mentioned."""
    if row.kernel is None or row.stride is None:
        return ""
    stride = str(row.stride[0]) if len(set(row.stride)) == 1 else _by(row.stride)
    return _by(row.kernel) + ("" if stride == "1" else f"/{stride}")


def _bytes(count: int) -> str:
    """In kB or MB of 1000."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
