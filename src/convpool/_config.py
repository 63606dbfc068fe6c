"""What this installation is and where its headers are."""

import os.path  # pathlib would take a third of the time to import convpool

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
    here = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(here, "_include")
    # An editable install has no copy of the headers: they are where the checkout keeps them.
    checkout = os.path.join(os.path.dirname(os.path.dirname(here)), "include")
    return installed if os.path.isdir(installed) else checkout
