/* filters.inc.h - filter.inc.h for each element type and type of sums, for one instruction set
 * (ISA_NAME and TARGET set; its filter_rows already included).
 */
#define SUMS(real)                                              \
    CONVPOOL_PASTE(convpool_, filter_rows, real, ISA_NAME),     \
        CONVPOOL_PASTE(convpool_, filter_fold, real, ISA_NAME), \
        CONVPOOL_PASTE(convpool_, filter_unfold, real, ISA_NAME)

#define STORAGE float
#define SUM float
#define FILTER_SUMS SUMS(f32)
#define PAIR_NAME f32_f32
#define TOP 0
#include "filter.inc.h"

#define STORAGE double
#define SUM double
#define FILTER_SUMS SUMS(f64)
#define PAIR_NAME f64_f64
#define TOP 0
#include "filter.inc.h"

#define STORAGE uint8_t
#define SUM float
#define FILTER_SUMS SUMS(f32)
#define PAIR_NAME u8_f32
#define TOP 255
#include "filter.inc.h"

#define STORAGE uint8_t
#define SUM double
#define FILTER_SUMS SUMS(f64)
#define PAIR_NAME u8_f64
#define TOP 255
#include "filter.inc.h"

#define STORAGE uint8_t
#define SUM int32_t
#define JOIN CONVPOOL_PASTE(convpool_, filter_join, i32, ISA_NAME)
#define FILTER_SUMS CONVPOOL_PASTE(convpool_, filter_rows, i32, ISA_NAME), NULL, NULL
#define PAIR_NAME u8_i32
#define TOP 255
#include "filter.inc.h"

#define STORAGE uint16_t
#define SUM float
#define FILTER_SUMS SUMS(f32)
#define PAIR_NAME u16_f32
#define TOP 65535
#include "filter.inc.h"

#define STORAGE uint16_t
#define SUM double
#define FILTER_SUMS SUMS(f64)
#define PAIR_NAME u16_f64
#define TOP 65535
#include "filter.inc.h"

#undef SUMS
