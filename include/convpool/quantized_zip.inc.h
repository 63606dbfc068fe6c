/* quantized_zip.inc.h - two steps of a strip of int16_t -> one of pairs, in their place:
 *
 *     steps    a0 a1 a2 ..  b0 b1 b2 ..
 *     pair     a0 b0 a1 b1 a2 b2 ..
 *
 * Included once for each instruction set, with the vocabulary of pairs, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* `width` is a literal where it is common. What is written of a pair never reaches what is still to
 * be read of its second step. */
TARGET CONVPOOL_FORCE_INLINE void NAME(zip_pairs)(const int64_t width, int64_t pairs, int16_t *rows)
{
    int16_t first[CONVPOOL_MAX_WIDTH];
    int64_t k, j;
    for (k = 0; k < pairs; ++k, rows += 2 * width) {
        memcpy(first, rows, (size_t)width * sizeof *rows);
        for (j = 0; j + LANES <= width; j += LANES) {
            VZIP(rows + 2 * j, first + j, rows + width + j);
        }
        for (; j < width; ++j) {
            const uint32_t pair = (uint16_t)first[j] | (uint32_t)(uint16_t)rows[width + j] << 16;
            memcpy(rows + 2 * j, &pair, sizeof pair);
        }
    }
}

/* `steps` steps of `width` elements. An odd last one is paired with 0, for which there is room. */
TARGET CONVPOOL_NOINLINE void NAME(zip_rows)(int64_t width, int64_t steps, int16_t *rows)
{
    const int64_t pairs = (steps + 1) / 2;
    if (steps % 2) {
        memset(rows + steps * width, 0, (size_t)width * sizeof *rows);
    }
    if (width == VECTORS * LANES) {
        NAME(zip_pairs)(VECTORS * LANES, pairs, rows);
    } else if (width == ROWS) {
        NAME(zip_pairs)(ROWS, pairs, rows);
    } else {
        NAME(zip_pairs)(width, pairs, rows);
    }
}

#undef NAME
