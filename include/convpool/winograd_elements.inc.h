/* winograd_elements.inc.h - Winograd's transforms between arrays and panels of points.
 *
 *     weights: strip[point][step * width + lane]     as gemm_tile reads rows: steps are channels,
 *                                                    lanes are output channels
 *     input:   panel[point][channel][tile]           as gemm_tile reads columns
 *     output:  sums[point][tile]                     of one output channel
 *
 * Tiles of m x m outputs, m = side + 1 - kernel, are numbered along the rows of each image's grid,
 * from image to image. What lies beyond the last outputs belongs to no result; it is seen as the
 * border goes on.
 *
 * Included once for each instruction set and element type, after pack.inc.h and epilogue.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)
#define REAL_VERB(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)
#define SIDE CONVPOOL_WINOGRAD_SIDE
#define OUTPUTS(conv, side) ((side) + 1 - (int)(conv)->axis[CONVPOOL_ROW].kernel)
/* Room for the first cells of a group's tiles, and a vector. */
#define SHIFT (4 * CONVPOOL_WINOGRAD_TILES + 16)
/* Neighbouring channels that are turned together, a line of the cache, and room for the cells of a
 * row under a group. */
#define TURNED (64 / (int)sizeof(REAL))
#define CELLS (6 * CONVPOOL_WINOGRAD_TILES + 16)

enum { NAME(row_in_place), NAME(row_copied), NAME(row_outside) };

/* Neighbouring tiles of one row of an image's grid, and where the cells under them are. */
typedef struct NAME(tile_run) {
    int64_t image, tiles;
    int64_t top, left;       /* the first output */
    int64_t row_at[SIDE];    /* offset of a row of cells from the channel's first element */
    int row_is[SIDE];        /* one of the above */
} NAME(tile_run);

/* Runs that are transformed as one: so many follow, with so many tiles. */
typedef struct NAME(tile_group) {
    int64_t runs, tiles;
    int masked;              /* rows in place run into columns that are not the image's */
    REAL inside[SIDE][CONVPOOL_WINOGRAD_TILES]; /* bits set for those that are */
} NAME(tile_group);

/* Cuts tiles [tile, tile + tiles) of the batch where rows of the grid end, CONVPOOL_WINOGRAD_TILES
 * at most to a run. Result: how many runs were written, of `tiles` at most. */
TARGET CONVPOOL_INLINE int NAME(tile_runs)(const convpool_conv *conv, int m, int64_t tile,
                                           int64_t tiles, NAME(tile_run) *run)
{
    convpool_axis grid[CONVPOOL_AXES];
    convpool_run rows[CONVPOOL_WINOGRAD_CHUNK];
    int64_t done;
    int rows_cut, r, n = 0;
    memcpy(grid, conv->axis, sizeof grid);
    grid[CONVPOOL_ROW].out = (grid[CONVPOOL_ROW].out + m - 1) / m;
    grid[CONVPOOL_COLUMN].out = (grid[CONVPOOL_COLUMN].out + m - 1) / m;
    rows_cut = convpool_split_runs(grid, tile, tiles, rows);
    for (r = 0; r < rows_cut; ++r) {
        for (done = 0; done < rows[r].length; done += run->tiles, ++run, ++n) {
            const int64_t left = rows[r].length - done;
            run->image = rows[r].image;
            run->top = rows[r].row * m;
            run->left = (rows[r].column + done) * m;
            run->tiles = left < CONVPOOL_WINOGRAD_TILES ? left : (int64_t)CONVPOOL_WINOGRAD_TILES;
        }
    }
    return n;
}

/* Cells of a row under the tiles of a run. */
TARGET CONVPOOL_FORCE_INLINE int64_t NAME(cells_under)(const convpool_conv *conv, int side,
                                                       const NAME(tile_run) *run)
{
    return (run->tiles - 1) * OUTPUTS(conv, side) + side;
}

/* Finds out where the cells of a run are: in place as long as what is read beside them is in the
 * image, too, and can be masked, which its group then is from `lane` on. */
TARGET CONVPOOL_INLINE void NAME(place_tiles)(const convpool_conv *conv, int side,
                                              NAME(tile_run) *run, NAME(tile_group) *group,
                                              int64_t lane)
{
    const convpool_axis *rows = &conv->axis[CONVPOOL_ROW], *columns = &conv->axis[CONVPOOL_COLUMN];
    const int64_t pitch = conv->x_stride[CONVPOOL_AT_ROW];
    const int64_t top = run->top - rows->before, left = run->left - columns->before;
    const int m = OUTPUTS(conv, side);
    const int64_t width = NAME(cells_under)(conv, side, run);
    const int readable = STORAGE_IS_REAL && conv->x_stride[CONVPOOL_AT_COLUMN] == 1 && pitch >= 0;
    const int whole = left >= 0 && left + width <= columns->size;
    const int zeros = conv->border == CONVPOOL_CONSTANT && conv->border_value == 0;
    int i, t;
    group->masked |= !whole && readable && zeros;
    for (i = 0; i < side; ++i) {
        const int64_t at = convpool_border_index(top + i, rows->size, conv->border);
        const int64_t begin = at * pitch + left, end = begin + CONVPOOL_WINOGRAD_WIDTH;
        run->row_at[i] = begin;
        run->row_is[i] = at < 0 ? NAME(row_outside)
                         : readable && (whole || zeros) && begin >= 0 &&
                                 end <= (rows->size - 1) * pitch + columns->size
                             ? NAME(row_in_place)
                             : NAME(row_copied);
        for (t = 0; t < run->tiles; ++t) {
            if (left + t * m + i >= 0 && left + t * m + i < columns->size) {
                memset(&group->inside[i][lane + t], 0xFF, sizeof(REAL));
            }
        }
    }
}

/* Groups the first of n runs with those after it that share its vectors, if that saves any, and
 * finds out where all cells are. */
TARGET CONVPOOL_INLINE void NAME(group_tiles)(const convpool_conv *conv, int side,
                                              NAME(tile_run) *run, int n, NAME(tile_group) *group)
{
    const int64_t lanes = REAL_VERB(lanes);
    int64_t apart = 0, lane;
    int i;
    memset(group, 0, sizeof *group);
    for (i = 0; i < n && group->tiles + run[i].tiles <= CONVPOOL_WINOGRAD_TILES; ++i) {
        group->tiles += run[i].tiles;
        apart += (run[i].tiles + lanes - 1) / lanes;
    }
    group->runs = i;
    if ((group->tiles + lanes - 1) / lanes == apart) {
        group->runs = 1;
        group->tiles = run->tiles;
    }
    for (i = 0, lane = 0; i < group->runs; lane += run[i++].tiles) {
        NAME(place_tiles)(conv, side, &run[i], group, lane);
    }
}

/* Finds a run's rows of cells of one channel, whose first element in the first image is `x`; of
 * those that are copied, in `patch`. */
TARGET CONVPOOL_INLINE void NAME(find_rows)(const convpool_conv *conv, int side,
                                            const NAME(tile_run) *run, const STORAGE *x,
                                            const REAL *outside,
                                            REAL (*patch)[CONVPOOL_WINOGRAD_WIDTH],
                                            const REAL **row)
{
    const STORAGE *image = x + run->image * conv->x_stride[0];
    int i;
    for (i = 0; i < side; ++i) {
        row[i] = run->row_is[i] == NAME(row_outside)  ? outside
                 : run->row_is[i] == NAME(row_copied) ? patch[i]
                                                      : (const REAL *)(const void *)image +
                                                            run->row_at[i];
        if (run->row_is[i] == NAME(row_copied)) {
            const int64_t left = run->left - conv->axis[CONVPOOL_COLUMN].before;
            NAME(pack_line)(conv, image + run->row_at[i] - left, NULL, left, 1,
                            NAME(cells_under)(conv, side, run), patch[i]);
        }
    }
}

#if STORAGE_IS_REAL
/* `width` cells of a row from column `left` on, of up to TURNED channels that are neighbours:
 * to[channel][cell]. `line` is the row's first element, NULL where it is outside. */
TARGET CONVPOOL_NOINLINE void NAME(turn_cells)(const convpool_conv *conv, const STORAGE *line,
                                               int64_t left, int64_t width, int64_t channels,
                                               REAL (*to)[CELLS])
{
    const int64_t size = conv->axis[CONVPOOL_COLUMN].size;
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN];
    int64_t j, c, cells;
    for (j = 0; j < width; j += cells) {
        const int64_t i =
            line == NULL ? -1 : convpool_border_index(left + j, size, conv->border);
        cells = 1;
        if (i >= 0 && i == left + j && channels == TURNED) {
            cells = width - j < size - i ? width - j : size - i;
            REAL_VERB(turn)(line + i * step, step, cells, TURNED, &to[0][j], CELLS);
            continue;
        }
        for (c = 0; c < channels; ++c) {
            to[c][j] = i < 0 ? (REAL)conv->border_value : line[i * step + c];
        }
    }
}

/* The cells under a group of tiles, run by run. */
TARGET CONVPOOL_INLINE void NAME(turn_group)(const convpool_conv *conv, int side,
                                             const NAME(tile_group) *group,
                                             const NAME(tile_run) *run, const STORAGE *x,
                                             int64_t channels, REAL (*turned)[TURNED][CELLS])
{
    int64_t j, at = 0;
    int i;
    for (j = 0; j < group->runs; ++j, ++run) {
        const int64_t left = run->left - conv->axis[CONVPOOL_COLUMN].before;
        const int64_t width = NAME(cells_under)(conv, side, run);
        for (i = 0; i < side; ++i) {
            const STORAGE *line = x + run->image * conv->x_stride[0] + run->row_at[i] - left;
            NAME(turn_cells)(conv, run->row_is[i] == NAME(row_outside) ? NULL : line, left, width,
                             channels, (REAL (*)[CELLS])&turned[i][0][at]);
        }
        at += width;
    }
}

#endif

/* What pack_group works in. Vectors reach beyond the cells that are there: all is set once. */
typedef struct NAME(pack_room) {
    REAL patch[SIDE][CONVPOOL_WINOGRAD_WIDTH], outside[CONVPOOL_WINOGRAD_WIDTH];
    REAL line[SIDE][SIDE / 2][SHIFT];
    REAL bounce[CONVPOOL_WINOGRAD_POINTS * CONVPOOL_WINOGRAD_TILES];
#if STORAGE_IS_REAL
    REAL turned[SIDE][TURNED][CELLS];
#endif
} NAME(pack_room);

/* The points of one group of tiles, v[point * plane + channel * pitch + tile], for up to TURNED
 * channels. Where `bounces`, whole vectors must not be written beyond the tiles. */
TARGET CONVPOOL_INLINE void NAME(pack_group)(const convpool_conv *conv, int side, int turns,
                                             NAME(tile_group) *group, const NAME(tile_run) *runs,
                                             const STORAGE *x, int64_t channels, REAL *v,
                                             int64_t pitch, int64_t plane, int bounces,
                                             NAME(pack_room) *room)
{
    const int m = OUTPUTS(conv, side);
    int64_t channel, at, cell, i, j;
#if STORAGE_IS_REAL
    if (turns) {
        NAME(turn_group)(conv, side, group, runs, x, channels, room->turned);
    }
#endif
    for (channel = 0; channel < channels; ++channel, v += pitch) {
        const STORAGE *from = x + channel * conv->x_stride[CONVPOOL_AT_CHANNEL];
        const NAME(tile_run) *run = runs;
        const REAL *row[SIDE];
        int64_t shift = m;
        for (j = at = cell = 0; j < group->runs; at += run->tiles * m, ++run, ++j) {
            if (!turns) {
                NAME(find_rows)(conv, side, run, from, room->outside, room->patch, row);
            }
#if STORAGE_IS_REAL
            for (i = 0; turns && i < side; ++i) {
                row[i] = &room->turned[i][channel][cell];
            }
#endif
            cell += NAME(cells_under)(conv, side, run);
            for (i = 0; group->runs > 1 && i < side; ++i) {
                REAL_VERB(winograd_gather)
                (side, m, row[i], run->tiles, room->line[i][0] + at, SHIFT);
            }
        }
        if (group->runs > 1) {
            shift = SHIFT;
            for (i = 0; i < side; ++i) {
                row[i] = room->line[i][0];
            }
        }
        REAL_VERB(winograd_input)(side, m, row, shift, group->masked ? group->inside : NULL,
                                  group->tiles, bounces ? room->bounce : v,
                                  bounces ? (int64_t)CONVPOOL_WINOGRAD_TILES : plane);
        for (i = 0; bounces && i < side * side; ++i) {
            memcpy(v + i * plane, room->bounce + i * CONVPOOL_WINOGRAD_TILES,
                   (size_t)group->tiles * sizeof(REAL));
        }
    }
}

/* Points of tiles [tile, tile + tiles) of the batch, for `channels` channels from that on whose
 * first element in the first image is `x`: v[point * plane + channel * pitch + tile].
 * Preconditions: no depth; stride and dilation 1; kernel 3 x 3 or, if side is 6, 5 x 5; 1 <= tiles
 * <= pitch <= CONVPOOL_WINOGRAD_CHUNK; the pitch is a multiple of CONVPOOL_WINOGRAD_TILES.
 * Guarantee: lanes from the last tile up to the pitch are 0. */
TARGET CONVPOOL_INLINE void NAME(winograd_pack)(const convpool_conv *conv, int side,
                                                const void *x, int64_t channels, int64_t tile,
                                                int64_t tiles, void *v, int64_t pitch,
                                                int64_t plane)
{
    const int turns = STORAGE_IS_REAL && conv->x_stride[CONVPOOL_AT_CHANNEL] == 1 &&
                      conv->x_stride[CONVPOOL_AT_COLUMN] != 1;
    const int64_t lanes = REAL_VERB(lanes), block = turns ? TURNED : 1;
    NAME(tile_run) runs[CONVPOOL_WINOGRAD_CHUNK], *run;
    NAME(tile_group) groups[CONVPOOL_WINOGRAD_CHUNK], *group;
    NAME(pack_room) room;
    const int n = NAME(tile_runs)(conv, OUTPUTS(conv, side), tile, tiles, runs);
    int64_t channel, lane, i;
    for (run = runs, group = groups; run < runs + n; run += group++->runs) {
        NAME(group_tiles)(conv, side, run, (int)(runs + n - run), group);
    }
    memset(room.patch, 0, sizeof room.patch);
    memset(room.line, 0, sizeof room.line);
#if STORAGE_IS_REAL
    if (turns) {
        memset(room.turned, 0, sizeof room.turned);
    }
#endif
    for (i = 0; i < CONVPOOL_WINOGRAD_WIDTH; ++i) {
        room.outside[i] = (REAL)conv->border_value;
    }
    for (channel = 0; channel < channels; channel += block) {
        REAL *to = (REAL *)v + channel * pitch;
        /* What whole vectors write beyond a group is the next one's, or the next channel's where
         * that comes later, or filled with zeros. */
        const int last = turns || channel + 1 == channels;
        for (run = runs, group = groups, lane = 0; run < runs + n; run += group++->runs) {
            NAME(pack_group)(conv, side, turns, group, run,
                             (const STORAGE *)x + channel * conv->x_stride[CONVPOOL_AT_CHANNEL],
                             channels - channel < block ? channels - channel : block, to + lane,
                             pitch, plane,
                             last && lane + (group->tiles + lanes - 1) / lanes * lanes > pitch,
                             &room);
            lane += group->tiles;
        }
    }
    for (channel = 0; tiles < pitch && channel < channels; ++channel) {
        for (i = 0; i < side * side; ++i) {
            memset((REAL *)v + i * plane + channel * pitch + tiles, 0,
                   (size_t)(pitch - tiles) * sizeof(REAL));
        }
    }
}

#undef CELLS
#undef SHIFT

/* winograd_store where an output's channels are neighbours: some of them are turned together, so
 * that lines run along them. */
TARGET CONVPOOL_NOINLINE void NAME(store_turned)(const convpool_conv *conv, int side,
                                                 const REAL *sums, int64_t pitch, int64_t plane,
                                                 int64_t channels, const NAME(tile_run) *runs,
                                                 int n, const void *bias,
                                                 const void *residual, void *out)
{
    enum { TILES = CONVPOOL_WINOGRAD_TILES, WIDE = 4 * TILES };
    const convpool_axis *rows = &conv->axis[CONVPOOL_ROW], *columns = &conv->axis[CONVPOOL_COLUMN];
    const int m = OUTPUTS(conv, side);
    REAL y[TURNED * 4 * WIDE + 16], turned[(WIDE + 16) * TURNED];
    int64_t channel, begin, lane, c, i;
    int r;
    for (channel = 0; channel < channels; channel += TURNED) {
        const int64_t used = channels - channel < TURNED ? channels - channel : TURNED;
        for (begin = 0; begin < pitch; begin += TILES) {
            for (c = 0; c < used; ++c) {
                REAL_VERB(winograd_output)
                (side, m, sums + (channel + c) * pitch + begin, plane, TILES, y + c * 4 * WIDE);
            }
            for (r = 0, lane = 0; r < n; lane += runs[r++].tiles) {
                const NAME(tile_run) *run = &runs[r];
                const int64_t first = lane > begin ? lane : begin;
                const int64_t last = lane + run->tiles < begin + TILES ? lane + run->tiles
                                                                       : begin + TILES;
                const int64_t left = run->left + (first - lane) * m;
                const int64_t height = rows->out - run->top < m ? rows->out - run->top : m;
                const int64_t right = columns->out - left;
                const int64_t width = right < (last - first) * m ? right : (last - first) * m;
                for (i = 0; first < last && i < height; ++i) {
                    REAL_VERB(turn)(y + (i * TILES + first - begin) * m, 4 * WIDE, used, width,
                                    turned, TURNED);
                    NAME(store_tile)(conv, turned, TURNED, 1, channel, used,
                                     (run->image * rows->out + run->top + i) * columns->out + left,
                                     width, bias, residual, out);
                }
            }
        }
    }
}

/* Stores the outputs of tiles [tile, tile + tiles) of the batch, for `channels` channels, whose
 * points are sums[point * plane + channel * pitch + tile]. bias (NULL: none), residual (NULL: none)
 * and out point to what belongs to the first channel, the arrays' first image.
 * Preconditions: those of winograd_pack and store_tile. */
TARGET CONVPOOL_INLINE void NAME(winograd_store)(const convpool_conv *conv, int side,
                                                 const void *sums, int64_t pitch, int64_t plane,
                                                 int64_t channels, int64_t tile, int64_t tiles,
                                                 const void *bias, const void *residual, void *out)
{
    const convpool_axis *rows = &conv->axis[CONVPOOL_ROW], *columns = &conv->axis[CONVPOOL_COLUMN];
    const int64_t *os = conv->out_stride, *rs = conv->residual_stride;
    const int m = OUTPUTS(conv, side);
    REAL y[4 * CONVPOOL_WINOGRAD_CHUNK * 4];
    NAME(tile_run) runs[CONVPOOL_WINOGRAD_CHUNK];
    const int n = NAME(tile_runs)(conv, m, tile, tiles, runs);
    int64_t channel, lane;
    int r;
    if (os[CONVPOOL_AT_CHANNEL] == 1 && os[CONVPOOL_AT_COLUMN] != 1) {
        NAME(store_turned)(conv, side, (const REAL *)sums, pitch, plane, channels, runs, n, bias,
                           residual, out);
        return;
    }
    for (channel = 0; channel < channels; ++channel) {
        REAL_VERB(winograd_output)
        (side, m, (const REAL *)sums + channel * pitch, plane, pitch, y);
        for (r = 0, lane = 0; r < n; lane += runs[r++].tiles) {
            const NAME(tile_run) *run = &runs[r];
            const int64_t height = rows->out - run->top < m ? rows->out - run->top : m;
            const int64_t right = columns->out - run->left;
            const int64_t width = right < run->tiles * m ? right : run->tiles * m;
            NAME(lines) lines;
            lines.count = height;
            lines.length = width;
            lines.sums = y + lane * m;
            lines.sums_line = pitch * m;
            lines.bias = bias == NULL ? NULL : (const REAL *)bias + channel;
            lines.bias_line = lines.bias_step = 0;
            lines.residual = residual == NULL ? NULL
                                              : (const STORAGE *)residual + run->image * rs[0] +
                                                    channel * rs[CONVPOOL_AT_CHANNEL] +
                                                    run->top * rs[CONVPOOL_AT_ROW] +
                                                    run->left * rs[CONVPOOL_AT_COLUMN];
            lines.residual_line = rs[CONVPOOL_AT_ROW];
            lines.residual_step = rs[CONVPOOL_AT_COLUMN];
            lines.out = (STORAGE *)out + run->image * os[0] + channel * os[CONVPOOL_AT_CHANNEL] +
                        run->top * os[CONVPOOL_AT_ROW] + run->left * os[CONVPOOL_AT_COLUMN];
            lines.out_line = os[CONVPOOL_AT_ROW];
            lines.out_step = os[CONVPOOL_AT_COLUMN];
            lines.ahead = os[CONVPOOL_AT_CHANNEL];
            NAME(store_lines)(conv, &lines);
        }
    }
}

/* Output channels whose kernels are transformed abreast, and input channels for which they are
 * collected before. */
#define ABREAST 8
#define COLLECTED 4

/* g = G k for one row or column of r = 3 or 5 taps, ABREAST kernels at a time; see winograd.inc.h.
 * In double, whatever the type: weights are rounded once. */
TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_kernel)(const int side, const int r,
                                                        const double (*k)[ABREAST], int step,
                                                        double (*g)[ABREAST], int g_step)
{
    const double a2 = side == 4 ? 1 : 0.5625, b2 = 2.25, a = side == 4 ? 1 : 0.75, b = 1.5;
    const double at_0 = side == 4 ? -1 : 1 / (a2 * b2);
    const double at_a = side == 4 ? 0.5 : 1 / (2 * a2 * (a2 - b2));
    const double at_b = 1 / (2 * b2 * (b2 - a2));
    int i;
    for (i = 0; i < ABREAST; ++i) {
        const double k0 = k[0][i], k1 = k[step][i], k2 = k[2 * step][i];
        const double k3 = r == 5 ? k[(r - 2) * step][i] : 0, k4 = r == 5 ? k[(r - 1) * step][i] : 0;
        const double even_a = k0 + a2 * (k2 + a2 * k4), odd_a = a * (k1 + a2 * k3);
        const double even_b = k0 + b2 * (k2 + b2 * k4), odd_b = b * (k1 + b2 * k3);
        g[0][i] = at_0 * k0;
        g[g_step][i] = at_a * (even_a + odd_a);
        g[2 * g_step][i] = at_a * (even_a - odd_a);
        if (side == 6) {
            g[3 * g_step][i] = at_b * (even_b + odd_b);
            g[4 * g_step][i] = at_b * (even_b - odd_b);
        }
        g[(side - 1) * g_step][i] = r == 5 ? k4 : k2;
    }
}

/* Kernels k[tap][lane] of one input channel: to[point * plane + lane] for `width` lanes, or for
 * ABREAST where that is more and they may be overrun. */
TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_kernels)(const int side, const int r,
                                                         const REAL (*k)[ABREAST], int64_t width,
                                                         REAL *to, int64_t plane)
{
    double tap[25][ABREAST], half[SIDE * 5][ABREAST], g[CONVPOOL_WINOGRAD_POINTS][ABREAST];
    int64_t lane;
    int i;
    for (i = 0; i < r * r; ++i) {
        for (lane = 0; lane < ABREAST; ++lane) {
            tap[i][lane] = k[i][lane];
        }
    }
    for (i = 0; i < r; ++i) {
        NAME(winograd_kernel)(side, r, (const double (*)[ABREAST])(tap + i), r, half + i, r);
    }
    for (i = 0; i < side; ++i) {
        NAME(winograd_kernel)
        (side, r, (const double (*)[ABREAST])(half + i * r), 1, g + i * side, 1);
    }
    for (i = 0; i < side * side; ++i, to += plane) {
        if (width >= ABREAST) {
            for (lane = 0; lane < ABREAST; ++lane) {
                to[lane] = (REAL)g[i][lane];
            }
        } else {
            for (lane = 0; lane < width; ++lane) {
                to[lane] = (REAL)g[i][lane];
            }
        }
    }
}

/* Up to ABREAST output channels, `used` of which there are, of a strip from their first kernel on.
 * Kernels of some input channels are collected before the first is transformed, which would have
 * to wait for what has just been stored. */
TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_lanes)(const int side, const int r,
                                                       const STORAGE *from, const int64_t *stride,
                                                       int64_t channels, int64_t used,
                                                       int64_t lanes, int64_t width, REAL *to,
                                                       int64_t plane)
{
    REAL k[COLLECTED][25][ABREAST];
    int64_t begin, c, end, lane;
    int i, j;
    memset(k, 0, sizeof k);
    for (begin = 0; begin < channels; begin = end) {
        end = channels - begin < COLLECTED ? channels : begin + COLLECTED;
        for (c = begin; c < end; ++c) {
            for (lane = 0; lane < used; ++lane) {
                const STORAGE *kernel = from + c * stride[1] + lane * stride[0];
                for (i = 0; i < r; ++i) {
                    for (j = 0; j < r; ++j) {
                        k[c - begin][i * r + j][lane] = LOAD(kernel[i * stride[3] + j * stride[4]]);
                    }
                }
            }
        }
        for (c = begin; c < end; ++c) {
            /* Lanes beyond are the next channel's, written later. */
            NAME(winograd_kernels)(side, r, (const REAL (*)[ABREAST])k[c - begin],
                                   c + 1 < channels && lanes == width ? ABREAST : lanes,
                                   to + c * width, plane);
        }
    }
}

/* Transforms output channels [channel, channel + width) of one group; `weight` is the group's first
 * element, with strides (out channel, channel, depth, row, column). Points lie `plane` elements
 * apart. Precondition: kernel 3 x 3 or, if side is 6, 5 x 5. */
TARGET CONVPOOL_INLINE void NAME(winograd_weights)(const convpool_conv *conv, int side,
                                                   const void *weight, const int64_t *stride,
                                                   int64_t channel, int64_t width, void *strip,
                                                   int64_t plane)
{
    const int64_t left = conv->out_channels - channel, used = left < width ? left : width;
    int64_t lane;
    for (lane = 0; lane < width; lane += ABREAST) {
        const STORAGE *from = (const STORAGE *)weight + (channel + lane) * stride[0];
        REAL *to = (REAL *)strip + lane;
        const int64_t lanes = width - lane < ABREAST ? width - lane : (int64_t)ABREAST;
        const int64_t kernels = used - lane < 0 ? 0 : used - lane < lanes ? used - lane : lanes;
#define LANES_OF(side, r)                                                                         \
    NAME(winograd_lanes)                                                                          \
    (side, r, from, stride, conv->channels, kernels, lanes, width, to, plane)
        if (side == 4) {
            LANES_OF(4, 3);
        } else if (conv->axis[CONVPOOL_ROW].kernel == 3) {
            LANES_OF(6, 3);
        } else {
            LANES_OF(6, 5);
        }
#undef LANES_OF
    }
}

#undef COLLECTED
#undef ABREAST
#undef NAME
#undef REAL_VERB
#undef SIDE
#undef OUTPUTS
#undef TURNED
