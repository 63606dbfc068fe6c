# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The drivers that go from the outputs of a pooling back to its input.

    block = a plane, or some channels of an image where they lie next to each other
    parallel over blocks, whose cells no other block writes:
        scatter   target[index] = or += value      max_unpool, backward of max pooling
        gather    result = source[index]           backward of max_unpool
        spread    target[window] += value / cells  backward of average pooling

Each block goes through its outputs in order, so that sums have one order however many threads: in
`spread` a row of windows is summed over columns first, then over rows.
Arrays are contiguous, with one spatial axis: `cells` of them, `places` in the input.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t, uint16_t
from libc.string cimport memset
cimport numpy as cnp

from convpool._memory cimport Block, aligned, bytes_out, ceil_div
from convpool._threads cimport threads_for

cnp.import_array()

cdef enum:
    LANES = 16  # channels of a block where they are neighbours

cdef enum Motion:
    PLACE
    ADD
    FETCH

ctypedef fused element:
    float
    double
    uint16_t    # the bits of float16, which are moved and not added

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


cdef int check(cnp.ndarray small, cnp.ndarray index, cnp.ndarray large, int64_t planes,
               int64_t cells, int64_t places) except -1:
    """Raises where a caller's objects have changed an array since it was prepared. `small` has the
    cells, `large` the places."""
    if not (cnp.PyArray_IS_C_CONTIGUOUS(small) and cnp.PyArray_IS_C_CONTIGUOUS(index)
            and cnp.PyArray_IS_C_CONTIGUOUS(large)
            and cnp.PyArray_ISFLOAT(small)
            and cnp.PyArray_TYPE(small) == cnp.PyArray_TYPE(large)
            and cnp.PyArray_SIZE(small) == cnp.PyArray_SIZE(index) == planes * cells
            and cnp.PyArray_SIZE(large) == planes * places):
        raise ValueError("an argument changed while it was read")
    return 0


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


cdef void move_blocks(element* cell, const int64_t* index, element* place, const Blocks* blocks,
                      int64_t cells, int64_t places, Motion motion, int threads) noexcept nogil:
    cdef int64_t block, small, large
    for block in prange(blocks.count, num_threads=threads, schedule="static"):
        small = first_of(blocks, block, cells)
        large = first_of(blocks, block, places)
        if motion == FETCH:
            gather_block(place + large, index + small, cell + small, cells, places, blocks.unit,
                         lanes_of(blocks, block))
        else:
            scatter_block(cell + small, index + small, place + large, cells, places, blocks.unit,
                          lanes_of(blocks, block), motion == ADD)


cdef int move(cnp.ndarray small, cnp.ndarray index, cnp.ndarray large, int64_t batch,
              int64_t channels, int64_t cells, int64_t places, bint last, Motion motion,
              num_threads) except -1:
    """Between cells and the places that `index` says for them, of float16, float32 or float64."""
    cdef Blocks blocks = cut_blocks(batch, channels, last)
    cdef int threads = threads_for(num_threads, <double>batch * channels * cells)
    cdef void* cell = cnp.PyArray_DATA(small)
    cdef void* place = cnp.PyArray_DATA(large)
    cdef const int64_t* at = <const int64_t*>cnp.PyArray_DATA(index)
    cdef int size = cnp.PyArray_ITEMSIZE(small)
    check(small, index, large, batch * channels, cells, places)
    if cnp.PyArray_ITEMSIZE(index) != sizeof(int64_t):
        raise ValueError("an argument changed while it was read")
    with nogil:
        if size == sizeof(double):
            move_blocks(<double*>cell, at, <double*>place, &blocks, cells, places, motion, threads)
        elif size == sizeof(float):
            move_blocks(<float*>cell, at, <float*>place, &blocks, cells, places, motion, threads)
        else:
            move_blocks(<uint16_t*>cell, at, <uint16_t*>place, &blocks, cells, places, motion,
                        threads)
    return 0


def scatter(cnp.ndarray value, cnp.ndarray index, cnp.ndarray target, int64_t batch,
            int64_t channels, int64_t cells, int64_t places, bint last, bint adds, num_threads):
    """Moves or adds values to where `index` (int64) says, in their order; others stay as they are.
    Numbers of float16 are never added."""
    move(value, index, target, batch, channels, cells, places, last, ADD if adds else PLACE,
         num_threads)


def gather(cnp.ndarray source, cnp.ndarray index, cnp.ndarray result, int64_t batch,
           int64_t channels, int64_t cells, int64_t places, bint last, num_threads):
    """Fetches values from where `index` says, 0 where it says nothing."""
    move(result, index, source, batch, channels, cells, places, last, FETCH, num_threads)


# The windows of one axis: each has so many taps, `step` cells apart, from `begin` of the input on.
# `divisor` is an axis' factor in what a window is divided by.
cdef struct Windows:
    const int64_t* begin
    const int64_t* taps
    const double* divisor
    int64_t size, step, count


cdef void add_run(real* target, const real* value, int64_t count) noexcept nogil:
    cdef int64_t i
    for i in range(count):
        target[i] += value[i]


cdef void spread_row(const real* value, real* line, double divisor, const Windows* axis,
                     int64_t lanes, int64_t unit) noexcept nogil:
    """One row of windows: their shares, added up in `line` for each of the input's columns."""
    cdef real share[LANES]
    cdef real own
    cdef int64_t c, k, lane
    cdef real* to
    memset(line, 0, axis.size * lanes * sizeof(real))
    for c in range(axis.count):
        own = <real>(divisor * axis.divisor[c])
        to = line + axis.begin[c] * lanes
        if lanes == 1:
            own = value[c * unit] / own
            for k in range(axis.taps[c]):
                to[k * axis.step] += own
        else:
            for lane in range(lanes):
                share[lane] = value[c * unit + lane] / own
            for k in range(axis.taps[c]):
                add_run(to + k * axis.step * lanes, &share[0], lanes)


cdef void spread_block(const real* value, real* target, real* line, const Windows* axis,
                       int64_t unit, int64_t lanes) noexcept nogil:
    """Adds each row of windows to the rows of the input that it meets."""
    cdef int64_t d, r, i, _j, k, row, columns = axis[2].size
    for d in range(axis[0].count):
        for r in range(axis[1].count):
            spread_row(value, line, axis[0].divisor[d] * axis[1].divisor[r], &axis[2], lanes, unit)
            value += axis[2].count * unit
            for i in range(axis[0].taps[d]):
                row = (axis[0].begin[d] + i * axis[0].step) * axis[1].size + axis[1].begin[r]
                for _j in range(axis[1].taps[r]):
                    if lanes == unit:
                        add_run(target + row * columns * unit, line, columns * lanes)
                    else:
                        for k in range(columns):
                            add_run(target + (row * columns + k) * unit, line + k * lanes, lanes)
                    row += axis[1].step


cdef void spread_blocks(const real* value, real* target, bytes_out lines, int64_t line_size,
                        const Blocks* blocks, const Windows* axis, int64_t cells, int64_t places,
                        int threads) noexcept nogil:
    cdef int64_t block
    for block in prange(blocks.count, num_threads=threads, schedule="static"):
        spread_block(value + first_of(blocks, block, cells),
                     target + first_of(blocks, block, places),
                     <real*>(lines + threadid() * line_size), axis, blocks.unit,
                     lanes_of(blocks, block))


def spread(cnp.ndarray value, cnp.ndarray target, int64_t batch, int64_t channels,
           cnp.ndarray sizes, cnp.ndarray begins, cnp.ndarray taps, cnp.ndarray divisors,
           bint last, num_threads):
    """Adds to each cell of a window its share of the window's value, of float32 or float64. A row
    of `sizes` (int64) holds an axis' cells, windows and step; those of the others (int64, but
    divisors of float64) each of its windows, and room."""
    cdef Blocks blocks = cut_blocks(batch, channels, last)
    cdef Windows axis[3]
    cdef int64_t cells = 1, places = 1, size, room = cnp.PyArray_DIM(begins, 1)
    cdef const int64_t* of_axis = <const int64_t*>cnp.PyArray_DATA(sizes)
    cdef void* values = cnp.PyArray_DATA(value)
    cdef void* targets = cnp.PyArray_DATA(target)
    cdef int i, threads, element_size = cnp.PyArray_ITEMSIZE(value)
    cdef double work = batch * channels
    cdef Block lines
    cdef bytes_out scratch
    for i in range(3):
        axis[i].begin = <const int64_t*>cnp.PyArray_DATA(begins) + i * room
        axis[i].taps = <const int64_t*>cnp.PyArray_DATA(taps) + i * room
        axis[i].divisor = <const double*>cnp.PyArray_DATA(divisors) + i * room
        axis[i].size, axis[i].count, axis[i].step = of_axis[0], of_axis[1], of_axis[2]
        of_axis += 3
        places *= axis[i].size
        cells *= axis[i].count
        work *= max(axis[i].size, axis[i].count)
    check(value, value, target, batch * channels, cells, places)
    if batch == 0:
        return
    threads = threads_for(num_threads, work)
    size = aligned(axis[2].size * (LANES if last else 1) * element_size)
    lines = Block(threads * size, True)
    scratch = lines.data
    with nogil:
        if element_size == sizeof(double):
            spread_blocks(<const double*>values, <double*>targets, scratch, size, &blocks,
                          &axis[0], cells, places, threads)
        else:
            spread_blocks(<const float*>values, <float*>targets, scratch, size, &blocks, &axis[0],
                          cells, places, threads)
