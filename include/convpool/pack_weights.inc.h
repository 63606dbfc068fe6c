/* pack_weights.inc.h - weights -> strips that gemm_tile reads, of the steps that pack.inc.h has.
 *
 * Included once for each instruction set and type of weights, after moves.inc.h and with its words.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* One step of `used` output channels, of a cell of which only `channels` channels are there. */
TARGET CONVPOOL_NOINLINE void NAME(pack_part)(const STORAGE *from, const int64_t *stride,
                                              int64_t channels, int64_t used, REAL *to)
{
    int64_t lane, c;
    for (lane = 0; lane < used; ++lane) {
        STORAGE cell[CHANNELS];
        memset(cell, 0, sizeof cell);
        for (c = 0; c < channels; ++c) {
            cell[c] = from[lane * stride[0] + c * stride[1]];
        }
        to[lane] = JOINED(cell);
    }
}

#if STORAGE_IS_REAL
/* pack_weights of those that follow one another: lines of a matrix, which is turned. */
TARGET CONVPOOL_NOINLINE void NAME(turn_weights)(const STORAGE *from, int64_t step, int64_t depth,
                                                 int64_t used, int64_t width, REAL *piece,
                                                 int64_t block, int64_t pitch)
{
    const int64_t lanes = CONVPOOL_PASTE(convpool_, lanes, REAL_NAME, ISA_NAME);
    int64_t k, lane;
    for (; depth > 0; depth -= block, from += block, piece += pitch) {
        const int64_t steps = depth < block ? depth : block, whole = steps - steps % lanes;
        CONVPOOL_PASTE(convpool_, turn, REAL_NAME, ISA_NAME)
        (from, step, used, whole, piece, width);
        for (k = whole; k < steps; ++k) {
            NAME(gather)(from + k, NULL, step, used, piece + k * width);
        }
        for (k = 0; used < width && k < steps; ++k) {
            for (lane = used; lane < width; ++lane) {
                piece[k * width + lane] = 0;
            }
        }
    }
}
#endif

/* Packs output channels [channel, channel + width) of one group for all steps k; `weight` is the
 * group's first element, with strides (out channel, channel, depth, row, column). Each `block`
 * steps are one piece of the strip, `pitch` elements from the one before.
 * Precondition: `strip` has room for all steps of `width` elements, cut like that. */
TARGET CONVPOOL_INLINE void NAME(pack_weights)(const convpool_conv *conv, const void *weight,
                                               const int64_t *stride, int64_t channel,
                                               int64_t width, void *strip, int64_t block,
                                               int64_t pitch)
{
    const int64_t left = conv->out_channels - channel, used = left < width ? left : width;
    REAL *piece = (REAL *)strip, *to = piece, *end = piece + block * width;
    int64_t apart[CHANNELS], c, d, r, k, lane;
#if STORAGE_IS_REAL
    /* (Of each step four elements are written at once, though fewer be used.) */
    if (width >= 4 && convpool_weights_follow(conv, stride)) {
        NAME(turn_weights)((const STORAGE *)weight + channel * stride[0], stride[0],
                           conv->channels * convpool_taps(conv->axis), used, width, to, block,
                           pitch);
        return;
    }
#endif
    for (c = 0; c < CHANNELS; ++c) {
        apart[c] = c * stride[1];
    }
    for (c = 0; c < conv->channels; c += CHANNELS) {
        for (d = 0; d < conv->axis[CONVPOOL_DEPTH].kernel; ++d) {
            for (r = 0; r < conv->axis[CONVPOOL_ROW].kernel; ++r) {
                const STORAGE *from = (const STORAGE *)weight + channel * stride[0] +
                                      c * stride[1] + d * stride[2] + r * stride[3];
                /* More streams than the processor sees, unless they are one. */
                for (lane = 0; stride[0] != 1 && lane < used; ++lane) {
                    CONVPOOL_PREFETCH(from + lane * stride[0] + 2 * stride[1]);
                }
                for (k = 0; k < conv->axis[CONVPOOL_COLUMN].kernel; ++k, to += width) {
                    if (to == end) {
                        to = piece += pitch;
                        end = piece + block * width;
                    }
                    if (c + CHANNELS <= conv->channels) {
                        NAME(gather)(from + k * stride[4], apart, stride[0], used, to);
                    } else {
                        NAME(pack_part)(from + k * stride[4], stride, conv->channels - c, used, to);
                    }
                    for (lane = used; lane < width; ++lane) {
                        to[lane] = 0;
                    }
                }
            }
        }
    }
}

#undef NAME
