/* quantized_elements.inc.h - packers of bytes and stores of their sums, for one instruction set
 * (ISA_NAME and TARGET set). Included by elements.inc.h.
 *
 * Cells are of int32_t: pairs of channels as int16_t, the first in the low half; and where there
 * are dot products (QUADS), quads of channels as bytes. Products of those want one of the two
 * without a sign, or none (QUADS_SIGNED): pixels of the other type have their top bit flipped,
 * which is to add or to take away 128.
 */
/* Depthwise convolution runs in float, which holds its sums exactly. */
#define REAL float
#define REAL_NAME f32
#define CHANNELS 1
#define LOAD(element) ((REAL)(element))
#define CELL(p, apart) ((void)(apart), LOAD(*(p)))
#define JOINED(p) LOAD(*(p))

#define SIXTEEN(p, apart, to) CONVPOOL_PASTE(convpool_, widen, STORAGE_NAME, ISA_NAME)(16, p, to)
#define EIGHT(p, apart, to) CONVPOOL_PASTE(convpool_, widen, STORAGE_NAME, ISA_NAME)(8, p, to)

#define STORAGE uint8_t
#define STORAGE_NAME u8f
#include "widen.inc.h"
#include "moves.inc.h"
#include "stage.inc.h"
#undef STORAGE
#undef STORAGE_NAME

#define STORAGE int8_t
#define STORAGE_NAME s8f
#include "widen.inc.h"
#include "moves.inc.h"
#include "stage.inc.h"
#undef STORAGE
#undef STORAGE_NAME

#undef SIXTEEN
#undef EIGHT

#undef REAL
#undef REAL_NAME
#undef CHANNELS
#undef LOAD
#undef CELL
#undef JOINED

#define REAL int32_t
#define REAL_NAME i32

/* Of cells themselves, first: others call their moves. */
#define STORAGE int32_t
#define STORAGE_NAME i32
#define CHANNELS 1
#define CELL(p, apart) ((void)(apart), *(p))
#define JOINED(p) (*(p))
#include "moves.inc.h"
#undef STORAGE
#undef STORAGE_NAME
#undef CHANNELS
#undef CELL
#undef JOINED

#define CHANNELS 2
#define LOAD(p) ((uint32_t)(uint16_t)(int16_t)*(p))
#define CELL(p, apart) ((REAL)(LOAD(p) | LOAD((p) + (apart)[1]) << 16))
#define JOINED(p) ((REAL)(LOAD(p) | LOAD((p) + 1) << 16))
#define BORDER(value) ((REAL)((uint32_t)(uint16_t)(int16_t)(value) * 0x10001u))

#define STORAGE uint8_t
#define STORAGE_NAME u8x2
#include "moves.inc.h"
#include "pack.inc.h"
#include "windows.inc.h"
#undef STORAGE
#undef STORAGE_NAME

#define STORAGE int8_t
#define STORAGE_NAME s8x2
#include "moves.inc.h"
#include "pack.inc.h"
#include "windows.inc.h"
#undef STORAGE
#undef STORAGE_NAME

/* Weights, less their zero points. */
#define STORAGE int16_t
#define STORAGE_NAME i16x2
#include "moves.inc.h"
#include "pack_weights.inc.h"
#undef STORAGE
#undef STORAGE_NAME

#undef CHANNELS
#undef LOAD
#undef CELL
#undef JOINED
#undef BORDER

#ifdef QUADS
#define CHANNELS 4
#define LOAD(p) ((uint32_t)(uint8_t)*(p))
#define FOUR(p, apart)                                                      \
    (LOAD(p) | LOAD((p) + (apart)[1]) << 8 | LOAD((p) + (apart)[2]) << 16 | \
     LOAD((p) + (apart)[3]) << 24)
#define CELL(p, apart) ((REAL)(FOUR(p, apart) ^ (FLIP * 0x01010101u)))
#define JOINED(p) ((REAL)(convpool_four_bytes(p) ^ (FLIP * 0x01010101u)))
#define EIGHT(p, apart, to) convpool_join_quads(p, apart, FLIP, to)
#define SIXTEEN(p, apart, to) (EIGHT(p, apart, to), EIGHT((p) + 8, apart, (to) + 8))
#define BORDER(value) ((REAL)((uint32_t)(uint8_t)(int)(value) * 0x01010101u))

#define STORAGE uint8_t
#define STORAGE_NAME u8x4
#define FLIP (QUADS_SIGNED ? 0x80 : 0)
#include "moves.inc.h"
#include "pack.inc.h"
#include "windows.inc.h"
#undef STORAGE
#undef STORAGE_NAME
#undef FLIP

#define STORAGE int8_t
#define STORAGE_NAME s8x4
#define FLIP (QUADS_SIGNED ? 0 : 0x80)
#include "moves.inc.h"
#include "pack.inc.h"
#include "windows.inc.h"
#undef STORAGE
#undef STORAGE_NAME
#undef FLIP

#define STORAGE int8_t
#define STORAGE_NAME i8x4
#define FLIP 0
#include "moves.inc.h"
#include "pack_weights.inc.h"
#undef STORAGE
#undef STORAGE_NAME
#undef FLIP

#undef CHANNELS
#undef LOAD
#undef FOUR
#undef CELL
#undef JOINED
#undef SIXTEEN
#undef EIGHT
#undef BORDER
#undef QUADS
#undef QUADS_SIGNED
#endif

#define QUANTIZED

#define SCALED 1
#define STORAGE uint8_t
#define STORAGE_NAME u8
#include "epilogue.inc.h"
#undef STORAGE
#undef STORAGE_NAME

#define STORAGE int8_t
#define STORAGE_NAME s8
#include "epilogue.inc.h"
#undef STORAGE
#undef STORAGE_NAME
#undef SCALED

#define SCALED 0
#define STORAGE int32_t
#define STORAGE_NAME i32
#include "epilogue.inc.h"
#undef STORAGE
#undef STORAGE_NAME
#undef SCALED

#undef REAL
#undef REAL_NAME
#undef QUANTIZED
