"""How the cost of `convpool.dask` grows with an image, and what a second worker brings.

    python benchmarks/dask_growth.py [--smoke] [--sizes N ...] [--rounds N] [--output DIR]

A convolution (16 channels to 16, 5x5, ReLU) and max pooling (2x2) of square images in chunks of
512x512, reduced to their sum, so that no answer travels. One worker process, two, and plain
convpool calls on the image as one array take turns, each on one thread. Run nothing else meanwhile.
Writes dask.json and dask.md.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _console
import _machine
import numpy as np
from _report import duration, ratio, write_results

CHUNK = 512
HEADINGS = ["image", "plain call", "one worker", "median", "two workers", "median",
            "one worker, ns a pixel", "two over one"]  # fmt: skip


def main() -> int:
    """Measure and write; 1 where an answer differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="small images, once")
    parser.add_argument("--sizes", type=int, nargs="+", help="side of each image, in pixels")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    sizes = options.sizes or ([1024, 2048] if options.smoke else [1024, 2048, 4096])
    rounds = options.rounds or (1 if options.smoke else 5)

    import dask
    from dask.distributed import Client, LocalCluster

    import convpool

    def cluster(workers: int) -> Any:
        return LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0")

    machine = _machine.describe()
    with cluster(1) as one, cluster(2) as two, Client(one) as first, Client(two) as second:
        clients = {"one worker": first, "two workers": second}
        rows = [growth(size, rounds, clients) for size in _console.track(sizes, map(str, sizes))]
    results = {
        "machine": machine,
        "versions": {
            "convpool": str(convpool.get_config()["version"]),
            "Dask": dask.__version__,
            "NumPy": np.__version__,
        },
        "rounds": rounds,
        "rows": rows,
    }
    write(results, options.output)
    return int(any(row["difference"] for row in rows))


def growth(size: int, rounds: int, clients: dict[str, Any]) -> dict[str, Any]:
    """Seconds of each way to take one image."""
    import dask.array as da

    import convpool
    import convpool.dask

    weight = np.random.default_rng(0).standard_normal((16, 16, 5, 5), np.float32)
    x = da.ones((1, 16, size, size), chunks=(1, 16, CHUNK, CHUNK), dtype=np.float32)
    y = convpool.dask.conv2d(x, weight, padding=2, activation="relu")
    lazy = convpool.dask.max_pool2d(y, 2).sum(dtype=np.float64)

    def plain() -> float:
        image = np.ones((1, 16, size, size), np.float32)
        maps = convpool.conv2d(
            image, weight, padding=2, activation="relu", algorithm="direct", num_threads=1
        )
        return float(convpool.max_pool2d(maps, 2, num_threads=1).sum(dtype=np.float64))

    ways: dict[str, Callable[[], float]] = {"plain call": plain}
    for name, client in clients.items():
        ways[name] = lambda client=client: float(client.compute(lazy).result())  # type: ignore[misc]
    answers = {name: way() for name, way in ways.items()}  # warm
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in list(ways)[:: -1 if turn % 2 else 1]:
            start = time.perf_counter()
            ways[name]()
            taken[name].append(time.perf_counter() - start)
    # Sums of float64 in another order: of equal maps they agree to many digits.
    apart = max(abs(answer / answers["plain call"] - 1) for answer in answers.values())
    return {
        "size": size,
        "difference": apart if apart > 1e-12 else 0.0,
        "seconds": {name: {"minimum": min(t), "median": float(np.median(t))}
                    for name, t in taken.items()},
    }  # fmt: skip


def table(results: dict[str, Any]) -> list[list[str]]:
    """A line an image."""
    lines = []
    for row in results["rows"]:
        plain, one, two = row["seconds"].values()
        lines.append(
            [
                f"{row['size']} x {row['size']}",
                duration(plain["minimum"]),
                duration(one["minimum"]),
                duration(one["median"]),
                duration(two["minimum"]),
                duration(two["median"]),
                f"{one['minimum'] / row['size'] ** 2 * 1e9:.1f}",
                ratio(one["minimum"] / two["minimum"]),
            ]
        )
    return lines


def write(results: dict[str, Any], folder: Path) -> None:
    """The JSON file, the page, and the table on the terminal."""
    lines = table(results)
    notes = [f"- minimum and median of {results['rounds']} rounds, taken in turn"]
    write_results(
        results, folder / "dask", "Dask arrays: growth, and a second worker",
        "; one thread a worker", notes, HEADINGS, lines,
    )  # fmt: skip
    _console.table("Dask arrays", HEADINGS, lines, left=1)


if __name__ == "__main__":
    # Processes share the cores: workers that spin would take them from the next one.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(main())
