/* Memory. */

#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "calls.h"

static void *made(void *block) {
    if(block) hold(1, (long)malloc_usable_size(block), 0);
    return block;
}

static void gone(void *block) {
    if(block) hold(-1, -(long)malloc_usable_size(block), 0);
}

void *fault_malloc(size_t size) {
    FAILS("malloc", NULL, ENOMEM);
    return made(malloc(size));
}

void *fault_calloc(size_t n, size_t size) {
    FAILS("calloc", NULL, ENOMEM);
    return made(calloc(n, size));
}

void *fault_realloc(void *block, size_t size) {
    FAILS("realloc", NULL, ENOMEM);
    size_t before = block ? malloc_usable_size(block) : 0;
    void *moved = realloc(block, size);
    if(moved) hold(!block, (long)malloc_usable_size(moved) - (long)before, 0);
    return moved;
}

int fault_posix_memalign(void **place, size_t alignment, size_t size) {
    FAILS("posix_memalign", ENOMEM, ENOMEM);
    int rc = posix_memalign(place, alignment, size);
    if(rc == 0) made(*place);
    return rc;
}

void fault_free(void *block) {
    gone(block);
    free(block);
}

void *fault_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t at) {
    FAILS("mmap", MAP_FAILED, ENOMEM);
    void *map = mmap(addr, len, prot, flags, fd, at);
    if(map != MAP_FAILED) hold(0, 0, (long)len);
    return map;
}

int fault_munmap(void *addr, size_t len) {
    int rc = munmap(addr, len);
    if(rc == 0) hold(0, 0, -(long)len);
    return rc;
}

int fault_mprotect(void *addr, size_t len, int prot) {
    FAILS("mprotect", -1, ENOMEM);
    return mprotect(addr, len, prot);
}

int fault_madvise(void *addr, size_t len, int advice) {
    /* EINVAL: a kernel that doesn't know the advice. */
    FAILS("madvise", -1, EINVAL, ENOMEM);
    return madvise(addr, len, advice);
}
