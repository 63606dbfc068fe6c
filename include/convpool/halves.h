/* halves.h - eight numbers of half precision at once: by F16C, by NEON, or number by number; with
 * the bits of half.h, NaN included, but for what signalling ones become on the way.
 */
#ifndef CONVPOOL_HALVES_H
#define CONVPOOL_HALVES_H

#include "half.h"

CONVPOOL_FORCE_INLINE void convpool_widen_halves(const convpool_half *from, float *to)
{
    int i;
    for (i = 0; i < 8; ++i) {
        to[i] = convpool_half_to_float(from[i]);
    }
}

CONVPOOL_FORCE_INLINE void convpool_narrow_halves(const float *from, convpool_half *to)
{
    int i;
    for (i = 0; i < 8; ++i) {
        to[i] = convpool_half_from_float(from[i]);
    }
}

#if CONVPOOL_X86
#include <immintrin.h>
#if defined(_MSC_VER) && defined(__clang__) /* it leaves these out */
#include <smmintrin.h>
#include <avxintrin.h>
#include <f16cintrin.h>
#endif

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void
convpool_widen_halves_f16c(const convpool_half *from, float *to)
{
    _mm256_storeu_ps(to, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)from)));
}

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void
convpool_narrow_halves_f16c(const float *from, convpool_half *to)
{
    const __m256 value = _mm256_loadu_ps(from), sign = _mm256_set1_ps(-0.0f);
    const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
    const __m256 unlike = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
    const __m256 plain = _mm256_or_ps(nan, _mm256_and_ps(sign, value)); /* without a payload */
    _mm_storeu_si128((__m128i *)(void *)to,
                     _mm256_cvtps_ph(_mm256_blendv_ps(value, plain, unlike),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
#endif

#if CONVPOOL_ARM64 && (!defined(_MSC_VER) || defined(__clang__)) /* MSVC has no such vectors */
#include <arm_neon.h>

CONVPOOL_FORCE_INLINE void convpool_widen_halves_neon(const convpool_half *from, float *to)
{
    const uint16_t *bits = (const uint16_t *)(const void *)from;
    vst1q_f32(to, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(bits))));
    vst1q_f32(to + 4, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(bits + 4))));
}

CONVPOOL_FORCE_INLINE void convpool_narrow_halves_neon(const float *from, convpool_half *to)
{
    const uint32x4_t sign = vdupq_n_u32(0x80000000u), nan = vdupq_n_u32(0x7fc00000u);
    int i;
    for (i = 0; i < 8; i += 4) {
        const float32x4_t value = vld1q_f32(from + i);
        const uint32x4_t bits = vreinterpretq_u32_f32(value);
        const uint32x4_t plain = vorrq_u32(nan, vandq_u32(sign, bits)); /* without a payload */
        const uint32x4_t kept = vbslq_u32(vceqq_f32(value, value), bits, plain);
        vst1_u16((uint16_t *)(void *)(to + i),
                 vreinterpret_u16_f16(vcvt_f16_f32(vreinterpretq_f32_u32(kept))));
    }
}
#endif

#endif
