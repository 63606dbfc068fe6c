/* windows.inc.h - the copy of what windows see (windows.h), filled.
 *
 * Included once for each instruction set and element type, after pack.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)
#define REAL_VERB(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* One line whose channels are neighbours, from the first copied on; `line`: NULL where it is all
 * border. Where pixels are, too, all of the input's go at once. */
TARGET CONVPOOL_NOINLINE void NAME(copy_pixels)(const convpool_conv *conv,
                                                const convpool_windows *windows,
                                                const STORAGE *line, int64_t first, REAL *to)
{
    const convpool_axis *axis = &conv->axis[CONVPOOL_COLUMN];
    const int64_t most = conv->channels / CHANNELS - windows->channel;
    const int64_t whole = most < windows->channels ? most : windows->channels;
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN];
    const int follow = whole == windows->channels && step == whole * CHANNELS;
    int64_t apart[CHANNELS], pixels, j, c;
    NAME(find_channels)(conv, windows->channel + whole, apart);
    for (j = 0; j < windows->columns; j += pixels, to += pixels * windows->channels) {
        const int64_t i = line == NULL ? -1
                                       : convpool_border_index(first + j, axis->size, conv->border);
        pixels = 1;
        if (i < 0) {
            for (c = 0; c < windows->channels; ++c) {
                to[c] = BORDER(conv->border_value);
            }
        } else {
            if (follow && i == first + j) {
                pixels = windows->columns - j < axis->size - i ? windows->columns - j
                                                               : axis->size - i;
            }
            NAME(join)(line + i * step, pixels * whole, to);
            for (c = whole; c < windows->channels; ++c) {
                to[c] = CELL(line + i * step + c * CHANNELS, apart);
            }
        }
    }
}

/* One line of one channel, from column `first` on, its phases apart: piece by piece, since nothing
 * but neighbours is read fast. */
TARGET CONVPOOL_NOINLINE void NAME(copy_phases)(const convpool_conv *conv,
                                                const convpool_windows *windows,
                                                const STORAGE *line, const int64_t *apart,
                                                int64_t first, REAL *to)
{
    enum { PIECE = 512 };
    const int64_t phases = windows->phases;
    REAL cells[PIECE];
    int64_t j, used;
    for (j = 0; phases > PIECE && j < phases; ++j) {
        NAME(pack_line)(conv, line, apart, first + j, phases, windows->columns,
                        to + j * windows->phase_step);
    }
    for (j = 0; phases <= PIECE && j < windows->columns; j += used) {
        used = PIECE / phases < windows->columns - j ? PIECE / phases : windows->columns - j;
        NAME(pack_line)(conv, line, apart, first + j * phases, 1, used * phases, cells);
        REAL_VERB(deal)(cells, used, phases, to + j, windows->phase_step);
    }
}

#if STORAGE_IS_REAL
/* Columns [j, end), beyond the ends of a line, of all channels copied. */
TARGET CONVPOOL_NOINLINE void NAME(copy_border)(const convpool_conv *conv,
                                                const convpool_windows *windows,
                                                const STORAGE *line, int64_t first, int64_t j,
                                                int64_t end, REAL *to)
{
    int64_t c;
    for (; j < end; ++j) {
        const int64_t i = line == NULL
                              ? -1
                              : convpool_border_index(first + j * windows->phases,
                                                      conv->axis[CONVPOOL_COLUMN].size,
                                                      conv->border);
        const STORAGE *pixel = i < 0 ? NULL : line + i * conv->x_stride[CONVPOOL_AT_COLUMN];
        for (c = 0; c < windows->channels; ++c) {
            to[c * windows->channel_step + j] = i < 0 ? (REAL)conv->border_value : pixel[c];
        }
    }
}

/* One line of all channels copied, neighbours in the input and planes in the copy. */
TARGET CONVPOOL_NOINLINE void NAME(copy_turned)(const convpool_conv *conv,
                                                const convpool_windows *windows,
                                                const STORAGE *line, int64_t first, REAL *to)
{
    const int64_t size = conv->axis[CONVPOOL_COLUMN].size, columns = windows->columns;
    const int64_t phases = windows->phases, step = conv->x_stride[CONVPOOL_AT_COLUMN];
    int64_t phase;
    for (phase = 0; phase < phases; ++phase, ++first, to += windows->phase_step) {
        int64_t begin = columns, end = columns;
        if (line != NULL) {
            convpool_cells_inside(size, first, phases, columns, &begin, &end);
        }
        NAME(copy_border)(conv, windows, line, first, 0, begin, to);
        if (begin < end) {
            REAL_VERB(turn_whole)(line + (first + begin * phases) * step, phases * step,
                                  end - begin, windows->channels, to + begin,
                                  windows->channel_step);
        }
        NAME(copy_border)(conv, windows, line, first, end, columns, to);
    }
}
#endif

/* Fills `copy`. x points to the group's first channel in the first image.
 * Precondition: room for windows->size. */
TARGET CONVPOOL_INLINE void NAME(copy_windows)(const convpool_conv *conv,
                                               const convpool_windows *windows, const void *x,
                                               void *copy)
{
    const convpool_axis *depth = &conv->axis[CONVPOOL_DEPTH], *row = &conv->axis[CONVPOOL_ROW];
    const convpool_axis *column = &conv->axis[CONVPOOL_COLUMN];
    const int64_t *step = conv->x_stride;
    const int64_t reach = convpool_reach(row);
    int64_t planes = windows->channels_last ? 1 : windows->channels;
    int64_t channel, kd, r, line;
#if STORAGE_IS_REAL
    const int turned = windows->channels > 1 && !windows->channels_last &&
                       step[CONVPOOL_AT_CHANNEL] == 1 && step[CONVPOOL_AT_COLUMN] != 1;
    planes = turned ? 1 : planes;
#endif
    for (r = 0; r < windows->runs; ++r) {
        const convpool_run *run = &windows->run[r];
        const int64_t first = windows->first[r] - column->before;
        for (channel = 0; channel < planes; ++channel) {
            int64_t apart[CHANNELS];
            NAME(find_channels)(conv, windows->channel + channel, apart);
            for (kd = 0; kd < depth->kernel; ++kd) {
                const int64_t d = convpool_input_index(depth, run->depth, kd, conv->border);
                const STORAGE *plane = (const STORAGE *)x + run->image * step[CONVPOOL_AT_BATCH] +
                                       (windows->channel + channel) * CHANNELS *
                                           step[CONVPOOL_AT_CHANNEL] +
                                       d * step[CONVPOOL_AT_DEPTH];
                REAL *to = (REAL *)copy + channel * windows->channel_step +
                           kd * windows->depth_step + windows->top[r] * windows->line_step;
                for (line = windows->shared[r]; line < reach; ++line) {
                    const int64_t i = convpool_border_index(
                        run->row * row->stride + line - row->before, row->size, conv->border);
                    const STORAGE *from = d < 0 || i < 0 ? NULL : plane + i * step[CONVPOOL_AT_ROW];
                    REAL *line_to = to + line * windows->line_step;
#if STORAGE_IS_REAL
                    if (turned) {
                        NAME(copy_turned)(conv, windows, from, first, line_to);
                        continue;
                    }
#endif
                    if (windows->channels_last) {
                        NAME(copy_pixels)(conv, windows, from, first, line_to);
                    } else if (windows->phases == 1) {
                        NAME(pack_line)(conv, from, apart, first, 1, windows->columns, line_to);
                    } else {
                        NAME(copy_phases)(conv, windows, from, apart, first, line_to);
                    }
                }
            }
        }
    }
}

#undef NAME
#undef REAL_VERB
