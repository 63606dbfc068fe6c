/* quantized_pack.inc.h - strips of pairs: what pack.inc.h packs as int16_t, two steps in one of
 * int32_t. One instruction multiplies both halves and adds the products.
 *
 * Included once for each instruction set and element type, after pack.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

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
        CONVPOOL_PASTE(convpool_, zip_rows, i32, ISA_NAME)(width, last - first, rows);
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
        const int64_t left = steps - done, used = left < 2 * block ? left : 2 * block;
        CONVPOOL_PASTE(convpool_, zip_rows, i32, ISA_NAME)(width, used, rows);
    }
}

#undef NAME
