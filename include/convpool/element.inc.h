/* element.inc.h - all that works on arrays of one element type, for one instruction set.
 *
 * Takes STORAGE, STORAGE_NAME, STORAGE_IS_REAL, LOAD and STORE, and undefines them; REAL,
 * REAL_NAME, ISA_NAME and TARGET stay.
 */
#include "pack.inc.h"
#include "windows.inc.h"
#include "stage.inc.h"
#include "epilogue.inc.h"
#include "winograd_elements.inc.h"
#include "pool.inc.h"
#undef STORAGE
#undef STORAGE_NAME
#undef STORAGE_IS_REAL
#undef LOAD
#undef STORE
