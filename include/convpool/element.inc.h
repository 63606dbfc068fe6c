/* element.inc.h - all that works on arrays of one element type, for one instruction set.
 *
 * Takes STORAGE, STORAGE_NAME, STORAGE_IS_REAL, LOAD and STORE, and undefines them; REAL,
 * REAL_NAME, ISA_NAME and TARGET stay.
 */
#define CHANNELS 1
#define CELL(p, apart) ((void)(apart), LOAD(*(p)))
#define JOINED(p) LOAD(*(p))
#define BORDER(value) ((REAL)(value))
#if STORAGE_IS_REAL
#define SIXTEEN(p, apart, to) memcpy(to, p, 16 * sizeof *(p))
#define EIGHT(p, apart, to) memcpy(to, p, 8 * sizeof *(p))
#endif
#include "moves.inc.h"
#include "pack.inc.h"
#include "pack_weights.inc.h"
#include "windows.inc.h"
#undef CHANNELS
#undef CELL
#undef JOINED
#undef BORDER
#if STORAGE_IS_REAL
#undef SIXTEEN
#undef EIGHT
#endif
#include "stage.inc.h"
#include "epilogue.inc.h"
#include "winograd_elements.inc.h"
#include "pool.inc.h"
#undef STORAGE
#undef STORAGE_NAME
#undef STORAGE_IS_REAL
#undef LOAD
#undef STORE
