/* element.inc.h - all that works on arrays of one element type, for one instruction set.
 *
 * Takes STORAGE, STORAGE_NAME, LOAD, STORE and POOLED (whether the type is pooled), and undefines
 * them; REAL, REAL_NAME, ISA_NAME and TARGET stay.
 */
#include "pack.inc.h"
#include "stage.inc.h"
#include "epilogue.inc.h"
#if POOLED
#include "pool.inc.h"
#endif
#undef STORAGE
#undef STORAGE_NAME
#undef LOAD
#undef STORE
#undef POOLED
