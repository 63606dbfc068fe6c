/* pool_whole.inc.h - planes that have one window: reduced as one run of cells (pool_deal.inc.h).
 * Cells that do not follow each other, or are no real numbers, are gathered first: the order of a
 * sum is that of the cells, not of the memory.
 *
 * Included once for each instruction set and element type, by pool.inc.h, which says the rest.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)
#define REAL_PART(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* Deals out the cells [begin, end) of one plane, piece by piece. */
TARGET CONVPOOL_NOINLINE void NAME(deal_gathered)(const convpool_pool *pool, const int64_t *begin,
                                                  const int64_t *end, const STORAGE *x,
                                                  REAL *chain, REAL *seen)
{
    const int64_t *step = &pool->x_stride[CONVPOOL_AT_DEPTH];
    REAL gathered[CONVPOOL_POOL_CELLS];
    int64_t d, r, c, cells = 0;
    int more = 0;
    for (d = begin[0]; d < end[0]; ++d) {
        for (r = begin[1]; r < end[1]; ++r) {
            for (c = begin[2]; c < end[2]; ++c) {
                gathered[cells++] = LOAD(x[d * step[0] + r * step[1] + c * step[2]]);
                if (cells == CONVPOOL_POOL_CELLS) {
                    REAL_PART(pool_deal)(pool->average, more, gathered, 1, 0, cells, chain, seen);
                    cells = 0;
                    more = 1;
                }
            }
        }
    }
    if (cells > 0 || !more) {
        REAL_PART(pool_deal)(pool->average, more, gathered, 1, 0, cells, chain, seen);
    }
}

/* Result: a NaN of one plane's cells if there is one, else `value`. */
TARGET CONVPOOL_NOINLINE REAL NAME(nan_or)(const convpool_pool *pool, const int64_t *begin,
                                           const int64_t *end, const STORAGE *x, REAL value)
{
    const int64_t *step = &pool->x_stride[CONVPOOL_AT_DEPTH];
    int64_t d, r, c;
    for (d = begin[0]; d < end[0]; ++d) {
        for (r = begin[1]; r < end[1]; ++r) {
            for (c = begin[2]; c < end[2]; ++c) {
                const REAL cell = LOAD(x[d * step[0] + r * step[1] + c * step[2]]);
                value = cell != cell ? cell : value;
            }
        }
    }
    return value;
}

/* Reduces each channel's plane to its only output. */
TARGET CONVPOOL_NOINLINE void NAME(pool_whole)(const convpool_pool *pool,
                                               const convpool_pool_block *block,
                                               const STORAGE *x, STORAGE *out)
{
    const int64_t *step = &pool->x_stride[CONVPOOL_AT_DEPTH];
    const int64_t plane = pool->x_stride[CONVPOOL_AT_CHANNEL];
    const REAL divisor = NAME(divisor)(pool, 0, 0, 0);
    REAL chain[CONVPOOL_POOL_LANES * CONVPOOL_POOL_DEAL + CONVPOOL_SLACK];
    REAL seen[CONVPOOL_POOL_DEAL];
    int64_t begin[CONVPOOL_AXES], end[CONVPOOL_AXES], size[CONVPOOL_AXES], channel;
    int even = STORAGE_IS_REAL, doubt, i;
    for (i = 0; i < CONVPOOL_AXES; ++i) {
        const convpool_axis *axis = &pool->axis[i];
        convpool_taps_inside(axis, 0, 1, &begin[i], &end[i]);
        begin[i] -= axis->before;
        end[i] -= axis->before;
        size[i] = end[i] - begin[i];
    }
    even = even && step[2] == 1 && (size[1] == 1 || step[1] == size[2]) &&
           (size[0] == 1 || step[0] == size[1] * size[2]);
    NAME(fill)(seen, 0, CONVPOOL_POOL_DEAL);
    x += block->channel * plane;
    out += block->channel * pool->out_stride[CONVPOOL_AT_CHANNEL];
    if (even) {
        REAL_PART(pool_deal)(pool->average, 0,
                             (const REAL *)(const void *)x + begin[0] * step[0] +
                                 begin[1] * step[1] + begin[2],
                             block->channels, plane, size[0] * size[1] * size[2], chain, seen);
    }
    for (channel = 0; !even && channel < block->channels; ++channel) {
        NAME(deal_gathered)(pool, begin, end, x + channel * plane,
                            chain + channel * CONVPOOL_POOL_DEAL, seen);
    }
    REAL_PART(pool_gather)(pool->average, block->channels, chain);
    doubt = !pool->average && REAL_PART(pool_doubt)(seen);
    for (channel = 0; pool->average && channel < block->channels; ++channel) {
        chain[channel] /= divisor;
    }
    for (channel = 0; doubt && channel < block->channels; ++channel) {
        chain[channel] = NAME(nan_or)(pool, begin, end, x + channel * plane, chain[channel]);
    }
    for (channel = 0; channel < block->channels; ++channel) {
        out[channel * pool->out_stride[CONVPOOL_AT_CHANNEL]] = STORE(chain[channel]);
    }
}

#undef REAL_PART
#undef NAME
