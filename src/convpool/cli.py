"""The command line: ``convpool demo | filter | summary | info``.

What a user got wrong is one line on standard error and exit code 2.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from . import filters
from ._config import get_config
from ._errors import UsageError
from ._threads import __version__, num_threads
from .filtering import filter2d

PADDING_MODES = ("reflect", "replicate", "circular", "zeros")


class Parser(argparse.ArgumentParser):
    """Without the usage text before the line that says what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Exit with one line."""
        self.exit(2, f"convpool: error: {message}\n")


def _need(*modules: str, extra: str = "demo") -> None:
    """Say which extra is missing before anything else is done."""
    for module in modules:
        try:
            import_module(module)
        except ImportError:
            raise UsageError(
                f"{module} is not installed: pip install 'convpool[{extra}]'"
            ) from None


def _filter(options: argparse.Namespace) -> None:
    """Filter one picture."""
    _need("PIL")
    from . import _pictures

    arguments = {
        name: value
        for name, value in (("size", options.size), ("sigma", options.sigma))
        if value is not None
    }
    if options.kernel in filters.BANK:
        taken = signature(filters.BANK[options.kernel]).parameters
        if unknown := [name for name in arguments if name not in taken]:
            raise UsageError(f"kernel {options.kernel} takes no {' or '.join(unknown)}")
    kernel = filters.get(options.kernel, **arguments)
    _pictures.check_writable(options.output)
    pixels = _pictures.load(options.photo)
    colours, alpha = pixels, None
    if pixels.ndim == 3 and pixels.shape[2] == 4:  # what is transparent stays so
        colours, alpha = pixels[..., :3], pixels[..., 3:]
    result = filter2d(colours, kernel, padding_mode=options.padding_mode)
    if alpha is not None:
        result = np.concatenate([result, alpha], axis=2)
    _pictures.save(options.output, result)


def _demo(options: argparse.Namespace) -> None:
    """Run the demonstration and say what it did."""
    _need("PIL", "rich", "skimage")
    from rich.console import Console
    from rich.table import Table

    from . import _contact_sheet, _demo, _pictures
    from .models import googlenet

    _pictures.check_writable(options.output)
    if options.photo is None:
        from skimage import data

        pictures: Any = data  # untyped
        photo, title = pictures.astronaut(), "convpool: an astronaut, convolved"
    else:
        photo, title = _pictures.load(options.photo), f"convpool: {options.photo.name}, convolved"
    if photo.dtype == np.uint16:
        photo = (photo >> 8).astype(np.uint8)
    photo = np.ascontiguousarray(np.dstack([photo] * 3) if photo.ndim == 2 else photo[..., :3])
    if min(photo.shape[:2]) < 2:
        raise UsageError(f"{options.photo}: {photo.shape[1]} x {photo.shape[0]} is too small")
    filtered, layers = _demo.filter_steps(photo), _demo.stack_steps(photo)
    network = googlenet().summary(depth=1)
    _pictures.save(options.output, _contact_sheet.draw(filtered, layers, network, title))
    table = Table(
        title="best of 5 calls, by convpool alone: reading, drawing and writing not counted"
    )
    for heading in ("step", "input", "kernel", "output"):
        table.add_column(heading)
    for heading in ("parameters", "ms"):
        table.add_column(heading, justify="right")
    for step in [*filtered, *{step.name: step for step in layers}.values()]:
        table.add_row(
            step.name.replace("_", " "),
            "x".join(map(str, step.input_shape)),
            "" if step.kernel is None else "x".join(map(str, step.kernel.shape)),
            "x".join(map(str, step.output_shape)),
            str(step.parameters),
            f"{step.seconds * 1e3:.2f}",
        )
    Console().print(table)
    print(f"contact sheet: {options.output}")


def _summary(options: argparse.Namespace) -> None:
    """Print a network's layers, counted."""
    from . import _summary

    _summary.show(options)


def _run(options: argparse.Namespace) -> None:
    """Run a trained model on photographs."""
    _need("onnx", extra="onnx")
    _need("PIL")
    from . import _run_command

    _run_command.run(options)


def _bench(options: argparse.Namespace) -> None:
    """Time a trained model."""
    _need("onnx", extra="onnx")
    from . import _bench_command

    _bench_command.run(options)


def _info(options: argparse.Namespace) -> None:
    """Print how calls would run."""
    for name, value in get_config().items():
        print(f"{name}: {', '.join(value) if isinstance(value, list) else value}")


def _parser() -> Parser:
    parser = Parser(prog="convpool", description="CNN convolution and pooling for NumPy arrays.")
    parser.add_argument("--version", action="version", version=f"convpool {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="demo | filter | summary | run | bench | info"
    )

    demo = commands.add_parser("demo", help="filters and a small stack of layers on a photograph")
    demo.add_argument("photo", nargs="?", type=Path, help="otherwise one of scikit-image's")
    demo.add_argument("-o", "--output", type=Path, default=Path("contact-sheet.png"))
    demo.set_defaults(run=_demo)

    one = commands.add_parser("filter", help="one kernel over a picture")
    one.add_argument("photo", type=Path)
    one.add_argument("--kernel", required=True, help=", ".join(filters.BANK))
    one.add_argument("--size", type=int, help="of identity, box_blur and gaussian")
    one.add_argument("--sigma", type=float, help="of gaussian")
    one.add_argument("--padding-mode", choices=PADDING_MODES, default="reflect")
    one.add_argument("-o", "--output", type=Path, required=True)
    one.set_defaults(run=_filter)

    table = commands.add_parser("summary", help="a network's layers: sizes, parameters, work")
    table.add_argument("network", help="googlenet, or another of convpool.models")
    table.add_argument("--input", help="as in 3x224x224, otherwise what the network is made for")
    table.add_argument("--depth", type=int, help="parts of a name that make a row; 1: blocks")
    table.add_argument(
        "--columns",
        default="",
        help="more of them, as in weights,share: input_shape, weights, receptive_field, memory, "
        "share, or all",
    )
    form = table.add_mutually_exclusive_group()
    form.add_argument("--html", action="store_true", help="a table of HTML")
    form.add_argument("--json", action="store_true", help="rows and totals for programs")
    table.set_defaults(run=_summary)

    trained = commands.add_parser("run", help="a trained model (ONNX) on photographs")
    trained.add_argument("model", type=Path)
    trained.add_argument("photos", type=Path, nargs="+", metavar="photo")
    trained.add_argument("--labels", type=Path, help="a text file, a class a line")
    trained.add_argument("--top", type=int, default=5, help="answers to print (5)")
    trained.add_argument("--size", help="HEIGHTxWIDTH, where the model takes several")
    trained.add_argument("--fit", choices=("crop", "stretch"), default="crop")
    trained.add_argument(
        "--pixels",
        choices=("imagenet", "unit", "signed", "bytes"),
        default="imagenet",
        help="what the model was trained on: less ImageNet's mean, by its deviation; 0 to 1; "
        "-1 to 1; 0 to 255",
    )
    trained.add_argument("-o", "--output", type=Path, help="a folder for raw outputs, as .npy")
    trained.set_defaults(run=_run)

    bench = commands.add_parser("bench", help="time a trained model (ONNX)")
    bench.add_argument("model", type=Path)
    bench.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="[NAME=]SIZES",
        help="an input's, as in 1x3x224x224, where the model leaves some open",
    )
    bench.add_argument("--rounds", type=int, default=5, help="slices for each contender (5)")
    bench.add_argument("--seconds", type=float, default=0.3, help="length of a slice (0.3)")
    bench.add_argument("--profile", action="store_true", help="also the time of each step")
    bench.set_defaults(run=_bench)

    for command in (demo, one, trained, bench):
        command.add_argument("--threads", type=int, help="otherwise all that the process may use")
    commands.add_parser("info", help="version, instruction sets, threads").set_defaults(run=_info)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``convpool``; those of the process if not given.

    Returns
    -------
    int
        0, or 2 for what the user got wrong, 130 after Ctrl-C.

    Examples
    --------
    >>> from convpool.cli import main
    >>> main(["filter", "missing.png", "--kernel", "swirl", "-o", "out.png"])
    2
    """
    try:
        options = _parser().parse_args(argv)
        threads = getattr(options, "threads", None)
        if threads is None:
            options.run(options)
        else:
            with num_threads(threads):
                options.run(options)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 2
    except KeyboardInterrupt:
        return 130
    except (UsageError, ValueError, OSError, MemoryError) as error:
        message = " ".join(str(error).splitlines())  # a file's name may have several
        print(f"convpool: error: {message}", file=sys.stderr)
        return 2
    return 0
