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
#include "element.inc.h"

#define STORAGE convpool_half
#define STORAGE_NAME f16
#define STORAGE_IS_REAL 0
#define LOAD(element) convpool_half_to_float(element)
#define STORE(value) convpool_half_from_float(value)
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
#include "element.inc.h"

#undef REAL
#undef REAL_NAME
#undef REAL_IS_DOUBLE
