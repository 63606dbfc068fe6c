/* quantized_elements.inc.h - packers of bytes and stores of their sums, for one instruction set
 * (ISA_NAME and TARGET set). Included by elements.inc.h.
 */
#define REAL int16_t
#define REAL_NAME i16
#define LOAD(element) (element)

/* Weights, less their zero points, come as int16_t, and first: others call their moves. */
#define STORAGE int16_t
#define STORAGE_NAME i16
#include "pack.inc.h"
#include "quantized_pack.inc.h"
#undef STORAGE
#undef STORAGE_NAME

#define STORAGE uint8_t
#define STORAGE_NAME u8
#include "pack.inc.h"
#include "quantized_pack.inc.h"
#undef STORAGE
#undef STORAGE_NAME

#define STORAGE int8_t
#define STORAGE_NAME s8
#include "pack.inc.h"
#include "quantized_pack.inc.h"
#undef STORAGE
#undef STORAGE_NAME

#undef REAL
#undef REAL_NAME
#undef LOAD

#define REAL int32_t
#define REAL_NAME i32
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
