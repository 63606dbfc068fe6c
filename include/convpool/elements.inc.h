/* elements.inc.h - packers, epilogue, pooling and filters for each element type, for one
 * instruction set. The last that a set includes: its vectors come before, and ISA_NAME, TARGET,
 * ROWS, VECTORS and TILE_CASES are undefined here, as are
 *   WIDEN8(p, to)  NARROW8(p, to)  eight halves as float, and float as halves
 */

#define REAL float
#define REAL_NAME f32
#define REAL_IS_DOUBLE 0
#include "activation.inc.h"

/* Arrays of REAL come first: others call their moves. */
#define STORAGE float
#define STORAGE_NAME f32
#define STORAGE_IS_REAL 1
#define LOAD(element) (element)
#define STORE(value) (value)
#include "element.inc.h"

#define STORAGE convpool_half
#define STORAGE_NAME f16
#define STORAGE_IS_REAL 0
#define LOAD(element) convpool_half_to_float(element)
#define STORE(value) convpool_half_from_float(value)
#define SIXTEEN(p, apart, to) (WIDEN8(p, to), WIDEN8((p) + 8, (to) + 8))
#define EIGHT(p, apart, to) WIDEN8(p, to)
#define STORE8(p, to) NARROW8(p, to)
#include "element.inc.h"
#undef SIXTEEN
#undef EIGHT
#undef STORE8

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
#include "element.inc.h"

#undef REAL
#undef REAL_NAME
#undef REAL_IS_DOUBLE

#include "quantized_elements.inc.h"
#include "filters.inc.h"

#undef ISA_NAME
#undef TARGET
#undef ROWS
#undef VECTORS
#undef TILE_CASES
#undef WIDEN8
#undef NARROW8
