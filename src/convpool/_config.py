"""What this installation is and where its headers are."""

from pathlib import Path

from ._threads import _config


def get_config() -> dict[str, object]:
    """Describe this installation and how calls made now would run.

    Returns
    -------
    dict
        ``version``; ``isa``, the instruction set in use, of ``isas``, those this machine runs
        (CONVPOOL_ISA chooses one when convpool is imported); ``openmp``, whether it was built
        with threads; ``threads``, how many a large call would use.

    Examples
    --------
    >>> import convpool
    >>> sorted(convpool.get_config())
    ['isa', 'isas', 'openmp', 'threads', 'version']
    """
    return _config()


def get_include() -> str:
    """Return the folder to compile with: ``#include "convpool/convpool.h"`` is found in it.

    Returns
    -------
    str

    Examples
    --------
    >>> import convpool, pathlib
    >>> pathlib.Path(convpool.get_include(), "convpool", "convpool.h").is_file()
    True
    """
    installed = Path(__file__).parent / "_include"
    # An editable install has no copy of the headers: they are where the checkout keeps them.
    return str(installed if installed.is_dir() else Path(__file__).parents[2] / "include")
