/* quantized_pack.inc.h - strips of pairs: what pack.inc.h packs as int16_t, two steps in one.
 *
 *     steps    a0 a1 a2 ..  b0 b1 b2 ..       two rows of a strip of int16_t
 *     pair     a0 b0 a1 b1 a2 b2 ..           a row of a strip of int32_t, in their place
 *
 * One instruction multiplies both halves and adds the products. An odd last step's partner is 0.
 *
 * Included once for each instruction set and element type, after pack.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* `pairs` pairs of rows of `width` elements, a literal where it is common. */
TARGET CONVPOOL_FORCE_INLINE void NAME(zip_rows)(const int64_t width, int64_t pairs, int16_t *rows)
{
    uint32_t pair[CONVPOOL_MAX_WIDTH];
    int64_t k, j;
    for (k = 0; k < pairs; ++k, rows += 2 * width) {
        for (j = 0; j < width; ++j) {
            pair[j] = (uint16_t)rows[j] | (uint32_t)(uint16_t)rows[width + j] << 16;
        }
        memcpy(rows, pair, (size_t)width * sizeof *pair);
    }
}

/* Pairs the rows of `steps` steps. */
TARGET CONVPOOL_NOINLINE void NAME(zip)(int64_t width, int64_t steps, int16_t *rows)
{
    if (steps % 2) {
        memset(rows + steps * width, 0, (size_t)width * sizeof *rows);
    }
    switch (width) {
    case 6: NAME(zip_rows)(6, (steps + 1) / 2, rows); break;
    case 8: NAME(zip_rows)(8, (steps + 1) / 2, rows); break;
    case 16: NAME(zip_rows)(16, (steps + 1) / 2, rows); break;
    case 48: NAME(zip_rows)(48, (steps + 1) / 2, rows); break;
    default: NAME(zip_rows)(width, (steps + 1) / 2, rows); break;
    }
}

/* pack_pixels, counting pairs of steps, with elements of int32_t. */
TARGET CONVPOOL_INLINE void NAME(pair_pixels)(const convpool_conv *conv, const void *x,
                                              int64_t begin, int64_t end, int64_t pixel,
                                              int64_t pixels, int64_t width, int64_t pitch,
                                              void *panel)
{
    const int64_t all = conv->channels * convpool_taps(conv->axis);
    const int64_t first = 2 * begin, last = 2 * end < all ? 2 * end : all;
    int16_t *rows = (int16_t *)panel;
    int64_t done;
    NAME(pack_pixels)(conv, x, first, last, pixel, pixels, width, 2 * pitch, panel);
    for (done = 0; done < pixels; done += width, rows += 2 * pitch) {
        NAME(zip)(width, last - first, rows);
    }
}

/* pack_weights likewise. */
TARGET CONVPOOL_INLINE void NAME(pair_weights)(const convpool_conv *conv, const void *weight,
                                               const int64_t *stride, int64_t channel,
                                               int64_t width, void *strip, int64_t block,
                                               int64_t pitch)
{
    const int64_t steps = conv->channels * convpool_taps(conv->axis);
    int16_t *rows = (int16_t *)strip;
    int64_t done;
    NAME(pack_weights)(conv, weight, stride, channel, width, strip, 2 * block, 2 * pitch);
    for (done = 0; done < steps; done += 2 * block, rows += 2 * pitch) {
        NAME(zip)(width, steps - done < 2 * block ? steps - done : 2 * block, rows);
    }
}

#undef NAME
