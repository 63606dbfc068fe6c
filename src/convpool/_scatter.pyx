# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The drivers that go from the outputs of a pooling back to its input.

    block = a plane, or some channels of an image where they lie next to each other
    parallel over blocks, whose cells no other block writes:
        scatter   target[index] = or += value      max_unpool, backward of max pooling
        gather    result = source[index]           backward of max_unpool
        spread    target[window] += value / cells  backward of average pooling

Each block goes through its outputs in order, so that sums have one order however many threads.
Arrays are contiguous, with one spatial axis: `cells` of them, `places` in the input.
"""
from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint16_t

from convpool._memory cimport ceil_div
from convpool._threads cimport threads_for

cdef enum:
    LANES = 16  # channels of a block where they are neighbours

ctypedef fused element:
    float
    double
    uint16_t    # the bits of float16, which are moved alone

ctypedef fused real:
    float
    double


# How arrays of (batch, channels, cells) or (batch, cells, channels) fall into blocks.
cdef struct Blocks:
    int64_t channels, image_blocks, count, unit
    bint last


cdef Blocks cut_blocks(int64_t batch, int64_t channels, bint last) noexcept:
    cdef int64_t image_blocks = ceil_div(channels, LANES) if last else channels
    return Blocks(channels, image_blocks, batch * image_blocks, channels if last else 1, last)


cdef int64_t first_of(const Blocks* blocks, int64_t block, int64_t cells) noexcept nogil:
    """Where a block's first element lies."""
    if not blocks.last:
        return block * cells
    return (block // blocks.image_blocks * cells * blocks.channels
            + block % blocks.image_blocks * LANES)


cdef int64_t lanes_of(const Blocks* blocks, int64_t block) noexcept nogil:
    if not blocks.last:
        return 1
    return min(<int64_t>LANES, blocks.channels - block % blocks.image_blocks * LANES)


cdef void scatter_block(const element* value, const int64_t* index, element* target,
                        int64_t cells, int64_t places, int64_t unit, int64_t lanes,
                        bint adds) noexcept nogil:
    cdef int64_t i, lane, at
    for i in range(cells):
        for lane in range(lanes):
            at = index[i * unit + lane]
            if 0 <= at < places:  # even if another thread has changed it since it was checked
                at = at * unit + lane
                target[at] = target[at] + value[i * unit + lane] if adds else value[i * unit + lane]


cdef void gather_block(const element* source, const int64_t* index, element* result,
                       int64_t cells, int64_t places, int64_t unit, int64_t lanes) noexcept nogil:
    cdef int64_t i, lane, at
    for i in range(cells):
        for lane in range(lanes):
            at = index[i * unit + lane]
            result[i * unit + lane] = source[at * unit + lane] if 0 <= at < places else 0


def scatter(const element[::1] value, const int64_t[::1] index, element[::1] target,
            int64_t batch, int64_t channels, int64_t cells, int64_t places, bint last, bint adds,
            num_threads):
    """Moves or adds values to where `index` says, in their order; others stay as they are."""
    cdef Blocks blocks = cut_blocks(batch, channels, last)
    cdef int threads = threads_for(num_threads, <double>batch * channels * cells)
    cdef int64_t block
    if batch == 0:
        return
    for block in prange(blocks.count, nogil=True, num_threads=threads, schedule="static"):
        scatter_block(
            &value[first_of(&blocks, block, cells)], &index[first_of(&blocks, block, cells)],
            &target[first_of(&blocks, block, places)], cells, places, blocks.unit,
            lanes_of(&blocks, block), adds)


def gather(const element[::1] source, const int64_t[::1] index, element[::1] result,
           int64_t batch, int64_t channels, int64_t cells, int64_t places, bint last, num_threads):
    """Fetches values from where `index` says, 0 where it says nothing."""
    cdef Blocks blocks = cut_blocks(batch, channels, last)
    cdef int threads = threads_for(num_threads, <double>batch * channels * cells)
    cdef int64_t block
    if batch == 0:
        return
    for block in prange(blocks.count, nogil=True, num_threads=threads, schedule="static"):
        gather_block(
            &source[first_of(&blocks, block, places)], &index[first_of(&blocks, block, cells)],
            &result[first_of(&blocks, block, cells)], cells, places, blocks.unit,
            lanes_of(&blocks, block))


# The windows of one axis: each has so many taps, `step` cells apart, from `begin` of the input on.
# `divisor` is an axis' factor in what a window is divided by.
cdef struct Windows:
    const int64_t* begin
    const int64_t* taps
    const double* divisor
    int64_t size, step, count


cdef void add_window(real* target, const real* share, const Windows* axis, int64_t d, int64_t r,
                     int64_t c, int64_t unit, int64_t lanes) noexcept nogil:
    """Adds a window's share to each of its cells."""
    cdef int64_t i, j, k, lane, plane, row
    cdef real* to
    for i in range(axis[0].taps[d]):
        plane = axis[0].begin[d] + i * axis[0].step
        for j in range(axis[1].taps[r]):
            row = plane * axis[1].size + axis[1].begin[r] + j * axis[1].step
            to = target + (row * axis[2].size + axis[2].begin[c]) * unit
            if lanes == 1:
                for k in range(axis[2].taps[c]):
                    to[k * axis[2].step * unit] += share[0]
            else:
                for k in range(axis[2].taps[c]):
                    for lane in range(lanes):
                        to[k * axis[2].step * unit + lane] += share[lane]


cdef void spread_block(const real* value, real* target, const Windows* axis, int64_t unit,
                       int64_t lanes) noexcept nogil:
    cdef real share[LANES]
    cdef real divisor
    cdef int64_t d, r, c, lane
    for d in range(axis[0].count):
        for r in range(axis[1].count):
            for c in range(axis[2].count):
                divisor = <real>(
                    axis[0].divisor[d] * axis[1].divisor[r] * axis[2].divisor[c])
                for lane in range(lanes):
                    share[lane] = value[lane] / divisor
                add_window(target, share, axis, d, r, c, unit, lanes)
                value += unit


def spread(const real[::1] value, real[::1] target, int64_t batch, int64_t channels,
           const int64_t[:, ::1] sizes, const int64_t[:, ::1] begins, const int64_t[:, ::1] taps,
           const double[:, ::1] divisors, bint last, num_threads):
    """Adds to each cell of a window its share of the window's value. A row of `sizes` holds an
    axis' cells, windows and step; those of the others each of its windows, and room."""
    cdef Blocks blocks = cut_blocks(batch, channels, last)
    cdef Windows axis[3]
    cdef int64_t block, cells = 1, places = 1
    cdef int i, threads
    cdef double work = batch * channels
    if batch == 0:
        return
    for i in range(3):
        axis[i].begin, axis[i].taps = &begins[i, 0], &taps[i, 0]
        axis[i].divisor = &divisors[i, 0]
        axis[i].size, axis[i].count, axis[i].step = sizes[i, 0], sizes[i, 1], sizes[i, 2]
        places *= axis[i].size
        cells *= axis[i].count
        work *= max(axis[i].size, axis[i].count)
    threads = threads_for(num_threads, work)
    for block in prange(blocks.count, nogil=True, num_threads=threads, schedule="static"):
        spread_block(&value[first_of(&blocks, block, cells)],
                     &target[first_of(&blocks, block, places)], &axis[0], blocks.unit,
                     lanes_of(&blocks, block))
