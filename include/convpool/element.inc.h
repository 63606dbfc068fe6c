/* element.inc.h - all that works on arrays of one element type, for one instruction set.
 *
 * Takes STORAGE, STORAGE_NAME, STORAGE_IS_REAL, LOAD, STORE and POOLED (whether the type is pooled
 * and convolved over channels, unlike pixels, which are filtered), and undefines
 * them; REAL, REAL_NAME, ISA_NAME and TARGET stay.
 */
#include "pack.inc.h"
#include "stage.inc.h"
#include "epilogue.inc.h"
#if POOLED
#include "winograd_elements.inc.h"
#include "pool.inc.h"
#endif
#undef STORAGE
#undef STORAGE_NAME
#undef STORAGE_IS_REAL
#undef LOAD
#undef STORE
#undef POOLED
