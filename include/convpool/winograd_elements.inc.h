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
 * image, too, and can be masked, which its group then is. Sets bits of columns that are in the
 * image, inside[i * CONVPOOL_WINOGRAD_MARKS + tile], which were 0. */
TARGET CONVPOOL_INLINE void NAME(place_tiles)(const convpool_conv *conv, int side,
                                              NAME(tile_run) *run, NAME(tile_group) *group,
                                              REAL *inside)
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
                memset(&inside[i * CONVPOOL_WINOGRAD_MARKS + t], 0xFF, sizeof(REAL));
            }
        }
    }
}

/* Groups the first of n runs with those after it that share its vectors, if that saves any, and
 * finds out where all cells are. */
TARGET CONVPOOL_INLINE void NAME(group_tiles)(const convpool_conv *conv, int side,
                                              NAME(tile_run) *run, int n, NAME(tile_group) *group,
                                              REAL *inside)
{
    const int64_t lanes = REAL_VERB(lanes);
    int64_t apart = 0;
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
    for (i = 0; i < group->runs; inside += run[i++].tiles) {
        NAME(place_tiles)(conv, side, &run[i], group, inside);
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
    REAL inside[SIDE][CONVPOOL_WINOGRAD_MARKS];
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
                                             const NAME(tile_group) *group,
                                             const NAME(tile_run) *runs, const STORAGE *x,
                                             int64_t channels, const REAL *inside, REAL *v,
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
        REAL_VERB(winograd_input)(side, m, row, shift, group->masked ? inside : NULL,
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
    memset(room.inside, 0, sizeof room.inside);
    for (run = runs, group = groups, lane = 0; run < runs + n; run += group++->runs) {
        NAME(group_tiles)(conv, side, run, (int)(runs + n - run), group, &room.inside[0][lane]);
        lane += group->tiles;
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
                             channels - channel < block ? channels - channel : block,
                             &room.inside[0][lane], to + lane, pitch, plane,
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
                                                 int n, int64_t summed, const void *bias,
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
        for (begin = 0; begin < summed; begin += TILES) {
            const int64_t tiles = summed - begin < TILES ? summed - begin : (int64_t)TILES;
            for (c = 0; c < used; ++c) {
                REAL_VERB(winograd_output)
                (side, m, sums + (channel + c) * pitch + begin, plane, tiles, y + c * 4 * WIDE);
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
                    REAL_VERB(turn)(y + (i * tiles + first - begin) * m, 4 * WIDE, used, width,
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
    /* What gemm_tile sums, in whole vectors; beyond is what memory held before. */
    const int64_t lanes = REAL_VERB(lanes), summed = (tiles + lanes - 1) / lanes * lanes;
    int64_t channel, lane;
    int r;
    if (os[CONVPOOL_AT_CHANNEL] == 1 && os[CONVPOOL_AT_COLUMN] != 1) {
        NAME(store_turned)(conv, side, (const REAL *)sums, pitch, plane, channels, runs, n,
                           summed, bias, residual, out);
        return;
    }
    for (channel = 0; channel < channels; ++channel) {
        REAL_VERB(winograd_output)
        (side, m, (const REAL *)sums + channel * pitch, plane, summed, y);
        for (r = 0, lane = 0; r < n; lane += runs[r++].tiles) {
            const NAME(tile_run) *run = &runs[r];
            const int64_t height = rows->out - run->top < m ? rows->out - run->top : m;
            const int64_t right = columns->out - run->left;
            const int64_t width = right < run->tiles * m ? right : run->tiles * m;
            NAME(lines) lines;
            lines.count = height;
            lines.length = width;
            lines.sums = y + lane * m;
            lines.sums_line = summed * m;
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

/* Transforms output channels [channel, channel + width) of one group; `weight` is the group's first
 * element, with strides (out channel, channel, depth, row, column). Points lie `plane` elements
 * apart. Preconditions: kernel 3 x 3 or, if side is 6, 5 x 5; width is at most that of a tile's
 * rows. */
TARGET CONVPOOL_INLINE void NAME(winograd_weights)(const convpool_conv *conv, int side,
                                                   const void *weight, const int64_t *stride,
                                                   int64_t channel, int64_t width, void *strip,
                                                   int64_t plane)
{
    /* Channels that are packed at once, and room for a row's channels, of which fours are turned
     * at once, and for a vector. */
    enum { BLOCK = 16, PITCH = (ROWS + 3) / 4 * 4, ROOM = BLOCK * PITCH + 16 };
    const int64_t kernel = conv->axis[CONVPOOL_ROW].kernel, steps = kernel * kernel;
    REAL packed[25 * ROOM], tap[25 * ROOM];
    convpool_conv part = *conv;
    int64_t c;
    memset(packed, 0, (size_t)(steps * ROOM) * sizeof(REAL));
    memset(tap, 0, (size_t)(steps * ROOM) * sizeof(REAL));
    for (c = 0; c < conv->channels; c += BLOCK) {
        part.channels = conv->channels - c < BLOCK ? conv->channels - c : (int64_t)BLOCK;
        NAME(pack_weights)(&part, (const STORAGE *)weight + c * stride[1], stride, channel, PITCH,
                           packed, part.channels * steps, 0);
        REAL_VERB(winograd_taps)(packed, steps, part.channels, width, PITCH, tap, ROOM);
        REAL_VERB(winograd_points)(side, (int)kernel, tap, ROOM, part.channels * width,
                                    (REAL *)strip + c * width, plane);
    }
}

#undef NAME
#undef REAL_VERB
#undef SIDE
#undef OUTPUTS
#undef TURNED
