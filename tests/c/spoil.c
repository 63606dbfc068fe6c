/* spoil.c - malloc whose memory is full of a pattern, loaded before the C library's own
 * (LD_PRELOAD): what is computed with before it is written shows.
 *
 *     cc -shared -fPIC -O2 tests/c/spoil.c -o spoil.so
 *
 * From `spoil_with` on all memory from malloc is full of copies of the pattern, up to the last
 * whole one. glibc alone: it gives its allocator a second name.
 */
#include <stddef.h>
#include <stdint.h>

extern void *__libc_malloc(size_t);

static volatile int spoiling;
static uint64_t spoilt_with;

void spoil_with(uint64_t pattern)
{
    spoilt_with = pattern;
    spoiling = 1;
}

void *malloc(size_t size)
{
    uint64_t *memory = __libc_malloc(size);
    size_t i;
    if (spoiling && memory != NULL) {
        for (i = 0; i < size / sizeof *memory; ++i) {
            memory[i] = spoilt_with;
        }
    }
    return memory;
}
