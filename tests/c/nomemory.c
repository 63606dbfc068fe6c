/* nomemory.c - malloc that fails when it is told to, loaded before the C library's own (LD_PRELOAD).
 *
 *     cc -shared -fPIC -O2 tests/c/nomemory.c -o nomemory.so
 *
 * Between `nomemory_begin` and `nomemory_end` requests of `least` bytes and more are counted, and
 * the one numbered `fails` (from 0) gets none. What was given and not yet freed is `nomemory_held`.
 * glibc alone: it gives its allocator a second name.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

enum { MOST = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int counting;
static long seen, fails;
static size_t least;
static void *given[MOST];
static volatile long held;

void nomemory_begin(long number, size_t bytes)
{
    seen = 0, fails = number, least = bytes;
    counting = 1;
}

/* Result: how many requests there were. */
long nomemory_end(void)
{
    counting = 0;
    return seen;
}

long nomemory_held(void)
{
    return held;
}

static int is_refused(size_t size)
{
    int refused = 0;
    if (counting && size >= least) {
        pthread_mutex_lock(&lock);
        refused = seen++ == fails;
        pthread_mutex_unlock(&lock);
    }
    if (refused) {
        errno = ENOMEM;
    }
    return refused;
}

static void *note(void *memory, size_t size)
{
    int i;
    if (counting && memory != NULL && size >= least) {
        pthread_mutex_lock(&lock);
        for (i = 0; i < MOST && given[i] != NULL; ++i) {
        }
        if (i < MOST) {
            given[i] = memory;
            ++held;
        }
        pthread_mutex_unlock(&lock);
    }
    return memory;
}

static void forget(void *memory)
{
    int i;
    if (held > 0 && memory != NULL) {
        pthread_mutex_lock(&lock);
        for (i = 0; i < MOST; ++i) {
            if (given[i] == memory) {
                given[i] = NULL;
                --held;
            }
        }
        pthread_mutex_unlock(&lock);
    }
}

void *malloc(size_t size)
{
    return is_refused(size) ? NULL : note(__libc_malloc(size), size);
}

void *calloc(size_t count, size_t size)
{
    const int huge = size > 0 && count > SIZE_MAX / size;
    return !huge && is_refused(count * size) ? NULL : note(__libc_calloc(count, size), count * size);
}

void *realloc(void *memory, size_t size)
{
    void *moved;
    if (is_refused(size)) {
        return NULL;
    }
    forget(memory);
    moved = __libc_realloc(memory, size);
    return note(moved, size);
}

void *memalign(size_t alignment, size_t size)
{
    return is_refused(size) ? NULL : note(__libc_memalign(alignment, size), size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = memalign(alignment, size);
    return *memory == NULL ? ENOMEM : 0;
}

void free(void *memory)
{
    forget(memory);
    __libc_free(memory);
}
