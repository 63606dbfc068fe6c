# cython: language_level=3
"""Which kernels run, and on how many threads.

The number of threads of a call is the first of these that is set: the call's `num_threads`, the
innermost `with convpool.num_threads(n)` of this context, `convpool.set_num_threads`,
CONVPOOL_NUM_THREADS, OMP_NUM_THREADS, the CPUs that affinity and the cgroup quota leave this
process. Small calls run on one thread whatever is set, since waking another costs more than it
saves; no result depends on the number.

OpenMP's workers do not survive a fork while its run-time in the child believes in them and waits
forever. A child therefore runs on one thread.
"""
from contextlib import contextmanager
from contextvars import ContextVar
from math import ceil
import operator
import os

from convpool._arguments import shown

from convpool._kernels cimport (
    CONVPOOL_ISAS, CONVPOOL_QUADS, CONVPOOL_VERSION_MAJOR, CONVPOOL_VERSION_MINOR,
    CONVPOOL_VERSION_PATCH,
    convpool_cpu_capabilities, convpool_find_kernels, convpool_find_quad_kernels,
    convpool_isa_name, convpool_kernels)

cdef extern from *:
    """
    #ifdef _OPENMP
    #define CONVPOOL_OPENMP 1
    #else
    #define CONVPOOL_OPENMP 0
    #endif
    """
    int CONVPOOL_OPENMP

# Multiply-adds (or cells read, when pooling) below which a second thread costs more than it saves.
# Sharing a call with a second thread was measured to cost 8 to 12 us right after another call,
# while the worker still spins, and 20 to 40 us after a pause of 1 ms, when it has to be woken (two
# cores, libgomp, default wait policy). So many multiply-adds take one thread 10 us at the peak and
# 30 us in a small layer: about where the second thread breaks even.
cdef double SERIAL_WORK = 500_000

cdef int MOST_THREADS = 1024

cdef object _context = ContextVar("convpool.num_threads", default=None)
cdef int _process_threads
cdef bint _forked = False
cdef int _isa
cdef bint _quads


def _quota_in(folder):
    """CPUs that one cgroup's bandwidth limit allows (v2, then v1), None without a limit."""
    try:
        with open(os.path.join(folder, "cpu.max"), encoding="ascii") as file:
            quota, period = file.read().split()
    except (OSError, ValueError):
        try:
            with open(os.path.join(folder, "cpu.cfs_quota_us"), encoding="ascii") as file:
                quota = file.read().strip()
            with open(os.path.join(folder, "cpu.cfs_period_us"), encoding="ascii") as file:
                period = file.read().strip()
        except OSError:
            return None
    try:
        quota, period = int(quota), int(period)
    except ValueError:  # "max"
        return None
    return quota / period if quota > 0 and period > 0 else None


def _cgroup_quota():
    """The tightest CPU quota of the cgroups this process is in, None without any."""
    folders = ["/sys/fs/cgroup", "/sys/fs/cgroup/cpu"]
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            for line in file:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                if controllers and "cpu" not in controllers.split(","):
                    continue
                root = "/sys/fs/cgroup" if not controllers else "/sys/fs/cgroup/cpu"
                while path not in ("", "/"):  # a parent's limit binds its children
                    folders.append(root + path)
                    path = os.path.dirname(path)
    except (OSError, ValueError):
        pass
    quotas = [quota for quota in map(_quota_in, folders) if quota is not None]
    return min(quotas, default=None)


def _available_cpus():
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    else:
        cpus = os.cpu_count() or 1
    quota = _cgroup_quota()
    return cpus if quota is None else max(1, min(cpus, ceil(quota)))


def _initial_threads():
    for name in ("CONVPOOL_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "").split(",")[0].strip()  # OpenMP lists nesting levels
        if not text:
            continue
        try:
            number = int(text)
        except ValueError:
            number = 0
        if number >= 1:
            return min(number, MOST_THREADS)
        if name == "CONVPOOL_NUM_THREADS":
            raise ValueError(f"{name}={text!r}: expected a whole number from 1 on")
    return min(_available_cpus(), MOST_THREADS)


def _isas():
    """Names of the instruction sets that this machine runs, the preferred one last."""
    cdef unsigned mask = convpool_cpu_capabilities()
    cdef int isa
    return [convpool_isa_name(isa).decode() for isa in range(CONVPOOL_ISAS) if mask >> isa & 1]


def _choose_isa():
    cdef int isa
    names = _isas()
    wanted = os.environ.get("CONVPOOL_ISA", "").strip().lower() or names[-1]
    if wanted not in names:
        raise ValueError(
            f"CONVPOOL_ISA={wanted!r}: this machine has {', '.join(names)}")
    for isa in range(CONVPOOL_ISAS):
        if convpool_isa_name(isa).decode() == wanted:
            return isa


def checked_threads(num_threads):
    if isinstance(num_threads, bool):
        raise TypeError(f"num_threads: got {num_threads!r}, expected a whole number from 1 on")
    try:
        number = operator.index(num_threads)
    except Exception as error:
        raise TypeError(
            f"num_threads: got {shown(num_threads)}, expected a whole number from 1 on") from error
    if not 1 <= number <= MOST_THREADS:
        raise ValueError(f"num_threads: got {number}, expected 1 to {MOST_THREADS}")
    return number


def asked_threads(num_threads):
    """What a call asks for; None where it leaves that to its context or the process."""
    return None if num_threads is None else checked_threads(num_threads)


cdef const convpool_kernels* kernels_for(int dtype):
    return convpool_find_kernels(dtype, _isa)


cdef const convpool_kernels* quad_kernels_for(int dtype):
    """Those for bytes by weights of int8; NULL where the processor has none."""
    return convpool_find_quad_kernels(dtype, _isa) if _quads else NULL


cdef int threads_for(object requested, double work) except -1:
    """Threads for a call that asked for `requested` (None: nothing) and does so much work."""
    cdef int number
    if requested is None:
        if work < SERIAL_WORK:
            return 1
        requested = _context.get()
        number = _process_threads if requested is None else requested
    else:
        number = checked_threads(requested)
    return 1 if work < SERIAL_WORK or _forked else number


def set_num_threads(num_threads):
    """Sets how many threads calls of this process use.

    Parameters
    ----------
    num_threads : int
        1 to 1024.

    Raises
    ------
    TypeError, ValueError
        If `num_threads` is not such a number.

    Examples
    --------
    >>> import convpool
    >>> before = convpool.get_num_threads()
    >>> convpool.set_num_threads(1)
    >>> convpool.get_num_threads()
    1
    >>> convpool.set_num_threads(before)
    """
    global _process_threads
    _process_threads = checked_threads(num_threads)


def get_num_threads():
    """How many threads a large call made here would use.

    Returns
    -------
    int

    Examples
    --------
    >>> import convpool
    >>> convpool.get_num_threads() >= 1
    True
    """
    return threads_for(None, SERIAL_WORK)


@contextmanager
def num_threads(num_threads):
    """Within the `with` block, calls of this thread or task use so many threads.

    The number is a context variable: Python threads that run already keep theirs, and those started
    within the block have it where threads inherit such variables (``thread_inherit_context`` of
    Python 3.14, by default on free-threaded builds).

    Parameters
    ----------
    num_threads : int
        1 to 1024.

    Raises
    ------
    TypeError, ValueError
        If `num_threads` is not such a number.

    Examples
    --------
    >>> import convpool
    >>> with convpool.num_threads(1):
    ...     convpool.get_num_threads()
    1
    """
    token = _context.set(checked_threads(num_threads))
    try:
        yield
    finally:
        _context.reset(token)


def _after_fork_in_child():
    global _forked
    _forked = True


def _config():
    """What `convpool.get_config()` returns."""
    return {
        "version": __version__,
        "isa": convpool_isa_name(_isa).decode(),
        "isas": _isas(),
        "openmp": bool(CONVPOOL_OPENMP),
        "threads": get_num_threads(),
    }


# The headers' version is the package's: setup.py reads it there, too.
__version__ = f"{CONVPOOL_VERSION_MAJOR}.{CONVPOOL_VERSION_MINOR}.{CONVPOOL_VERSION_PATCH}"

_isa = _choose_isa()
_quads = convpool_cpu_capabilities() >> (CONVPOOL_QUADS + _isa) & 1
_process_threads = _initial_threads()
if CONVPOOL_OPENMP and hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
