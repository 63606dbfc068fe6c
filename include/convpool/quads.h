/* quads.h - quads of bytes, from one place or from four: a0 b0 c0 d0, a1 b1 c1 d1, ... For the
 * processors that may multiply them.
 */
#ifndef CONVPOOL_QUADS_H
#define CONVPOOL_QUADS_H

#include "types.h"

#if CONVPOOL_X86 || CONVPOOL_ARM64
#if CONVPOOL_X86
#include <emmintrin.h>
#else
#include <arm_neon.h>
#endif

/* Result: four bytes as they lie in memory, of a processor that puts the lowest first. */
CONVPOOL_INLINE uint32_t convpool_four_bytes(const void *p)
{
    uint32_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    return bytes;
}

/* to[i] = p[i], p[apart[1] + i], p[apart[2] + i], p[apart[3] + i], i < 8, each with the bits of
 * `flip` flipped, a literal. Precondition: eight bytes at each. */
CONVPOOL_FORCE_INLINE void convpool_join_quads(const void *p, const int64_t *apart, uint8_t flip,
                                               int32_t *to)
{
    const uint8_t *from = (const uint8_t *)p;
#if CONVPOOL_X86
    const __m128i flips = _mm_set1_epi8((char)flip);
    __m128i line[4], pair[2];
    int i;
    CONVPOOL_UNROLL
    for (i = 0; i < 4; ++i) {
        line[i] = _mm_loadl_epi64((const __m128i *)(const void *)(from + (i ? apart[i] : 0)));
        line[i] = flip ? _mm_xor_si128(line[i], flips) : line[i];
    }
    pair[0] = _mm_unpacklo_epi8(line[0], line[1]);
    pair[1] = _mm_unpacklo_epi8(line[2], line[3]);
    _mm_storeu_si128((__m128i *)(void *)to, _mm_unpacklo_epi16(pair[0], pair[1]));
    _mm_storeu_si128((__m128i *)(void *)(to + 4), _mm_unpackhi_epi16(pair[0], pair[1]));
#else
    uint8x8x4_t line;
    int i;
    CONVPOOL_UNROLL
    for (i = 0; i < 4; ++i) {
        line.val[i] = veor_u8(vld1_u8(from + (i ? apart[i] : 0)), vdup_n_u8(flip));
    }
    vst4_u8((uint8_t *)(void *)to, line);
#endif
}

#endif
#endif
