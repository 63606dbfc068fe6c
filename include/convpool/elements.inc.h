/* elements.inc.h - packers, epilogue and pooling for each element type, for one instruction set
 * (ISA_NAME and TARGET set; its gemm_tile already included).
 */

#define REAL float
#define REAL_NAME f32
#define REAL_IS_DOUBLE 0
#include "activation.inc.h"

#define STORAGE float
#define STORAGE_NAME f32
#define STORAGE_IS_REAL 1
#define LOAD(element) (element)
#define STORE(value) (value)
#define POOLED 1
#include "element.inc.h"

#define STORAGE convpool_half
#define STORAGE_NAME f16
#define STORAGE_IS_REAL 0
#define LOAD(element) convpool_half_to_float(element)
#define STORE(value) convpool_half_from_float(value)
#define POOLED 1
#include "element.inc.h"

#undef REAL
#undef REAL_NAME
#undef REAL_IS_DOUBLE

#define REAL double
#define REAL_NAME f64
#define REAL_IS_DOUBLE 1
#include "activation.inc.h"

#define STORAGE double
#define STORAGE_NAME f64
#define STORAGE_IS_REAL 1
#define LOAD(element) (element)
#define STORE(value) (value)
#define POOLED 1
#include "element.inc.h"

/* Pixels: summed in double, rounded half to even, saturated. A NaN, which only a NaN kernel makes,
 * becomes 0. */
#define STORAGE uint8_t
#define STORAGE_NAME u8
#define STORAGE_IS_REAL 0
#define LOAD(element) ((double)(element))
#define STORE(value) ((uint8_t)convpool_saturate(value, 255.0))
#define POOLED 0
#include "element.inc.h"

#define STORAGE uint16_t
#define STORAGE_NAME u16
#define STORAGE_IS_REAL 0
#define LOAD(element) ((double)(element))
#define STORE(value) ((uint16_t)convpool_saturate(value, 65535.0))
#define POOLED 0
#include "element.inc.h"

#undef REAL
#undef REAL_NAME
#undef REAL_IS_DOUBLE
