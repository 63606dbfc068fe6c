/* pool.inc.h - max and average pooling of one block of outputs.
 *
 * The rows under each row of windows are reduced into one, padding included; then neighbours in
 * it are: kernel rows + kernel columns steps an output instead of their product. Where channels lie
 * next to each other and windows share little, each is reduced by itself. Either way a sum is a
 * chain over columns of chains down, whatever the block, the layout and the strides.
 *
 *     adaptive  windows that divide no axis evenly       pool_adaptive.inc.h
 *     whole     each plane has one window              pool_deal.inc.h
 *     direct    rows or channels without gaps          pool_slide.inc.h pool_lanes.inc.h
 *     placed    maxima, and where they stand            pool_place.inc.h pool_index.inc.h
 *     general   all else, and maxima that may be NaN
 *
 * Included once for each instruction set and element type, with STORAGE, STORAGE_NAME,
 * STORAGE_IS_REAL, REAL, REAL_NAME, REAL_IS_DOUBLE, LOAD, STORE, ISA_NAME and TARGET set.
 */
#include "pool_fold.inc.h"
#include "pool_store.inc.h"
#include "pool_general.inc.h"
#include "pool_adaptive.inc.h"
#include "pool_whole.inc.h"
#include "pool_place.inc.h"
#include "pool_index.inc.h"
#if STORAGE_IS_REAL
#include "pool_direct.inc.h"
#endif

#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* Result: whether that was done without going through the general way. */
TARGET CONVPOOL_INLINE int NAME(pool_directly)(const convpool_pool *pool, int channels_last,
                                               const convpool_pool_block *block, const void *x,
                                               void *out)
{
#if STORAGE_IS_REAL
    if (channels_last) {
        return NAME(goes_sideways)(pool) &&
               NAME(pool_sideways)(pool, block, (const REAL *)x, (REAL *)out);
    }
    return NAME(slides)(pool) && NAME(pool_sliding)(pool, block, (const REAL *)x, (REAL *)out);
#else
    (void)pool, (void)channels_last, (void)block, (void)x, (void)out;
    return 0;
#endif
}

/* Pools one block of outputs. x, out and index (NULL: not wanted) point to the image.
 * Precondition: the block lies within the outputs and is no larger than convpool_pool_cut says. */
TARGET CONVPOOL_INLINE void NAME(pool_block)(const convpool_pool *pool, int channels_last,
                                             const convpool_pool_block *block, const void *x,
                                             void *out, int64_t *index)
{
    const convpool_pool_block turn = convpool_pool_turn(pool, channels_last, index != NULL);
    const int64_t channels_end = block->channel + block->channels;
    const int64_t columns_end = block->column + block->columns;
    convpool_pool_block part = *block;
    if (index == NULL && pool->adaptive) {
        NAME(pool_adaptive)(pool, channels_last, block, (const STORAGE *)x, (STORAGE *)out);
        return;
    }
    if (index == NULL && convpool_pool_is_whole(pool, channels_last)) {
        NAME(pool_whole)(pool, block, (const STORAGE *)x, (STORAGE *)out);
        return;
    }
    if (index == NULL ? NAME(pool_directly)(pool, channels_last, block, x, out)
                      : NAME(pool_placed)(pool, channels_last, block, (const STORAGE *)x,
                                          (STORAGE *)out, index)) {
        return;
    }
    for (part.channel = block->channel; part.channel < channels_end;
         part.channel += turn.channels) {
        const int64_t left = channels_end - part.channel;
        part.channels = turn.channels < left ? turn.channels : left;
        for (part.column = block->column; part.column < columns_end;
             part.column += turn.columns) {
            const int64_t lanes = channels_last ? part.channels : 1;
            const int64_t wanted = columns_end - part.column;
            part.columns = turn.columns < wanted ? turn.columns : wanted;
            if (index == NULL) {
                NAME(pool_values)(pool, &part, lanes, (const STORAGE *)x, (STORAGE *)out);
            } else {
                NAME(pool_indexed)(pool, &part, lanes, (const STORAGE *)x, (STORAGE *)out, index);
            }
        }
    }
}

#undef NAME
