#include "shared.h"

#include <stdlib.h>

#include "../inject.h"

/* All handles given out, closed in the end. One that was closed by the way, or went into
   another, is EBADF then: numbers rotate. */
static int handles[4096], nhandles;

long long result_of(const char *what, long long result) {
    if(result >= 0) {
        record->successes++;
        return result;
    }
    record->errors++;
    if(result != -1 || errno <= 0 || errno >= 200)
        check_fail(__FILE__, __LINE__, "%s: %lld is no result", what, result);
    return result;
}

int keep(int h) {
    if(h >= 0) {
        CHECK(nhandles < 4096);
        handles[nhandles++] = h;
    }
    return h;
}

int64_t soon(void) {
    return now() + 1000;
}

void close_all(void) {
    while(nhandles) (void)hclose(handles[--nhandles]);
}

/* A message of `len` bytes, and whether it arrived whole. */
void fill(char *buf, size_t len) {
    for(size_t i = 0; i != len; i++) buf[i] = (char)(i * 7 + i / 251);
}

int is_whole(const char *buf, size_t len) {
    for(size_t i = 0; i != len; i++) if(buf[i] != (char)(i * 7 + i / 251)) return 0;
    return 1;
}

int pair(int s[2]) {
    if(T(ipc_pair(s)) < 0) return -1;
    keep(s[0]);
    keep(s[1]);
    return 0;
}

/* What one end sends and the other gets: whole, or an error. */
coroutine void gives(int s, size_t size) {
    char *buf = malloc(size);
    CHECK(buf);
    fill(buf, size);
    struct iolist second = {buf + size / 2, size - size / 2, NULL, 0};
    struct iolist first = {buf, size / 2, &second, 0};
    (void)T(bsendl(s, &first, &second, soon()));
    free(buf);
}

int takes(int s, size_t size) {
    char *buf = malloc(size);
    CHECK(buf);
    int rc = T(brecv(s, buf, size, soon()));
    if(rc == 0) CHECK(is_whole(buf, size));
    free(buf);
    return rc;
}

void exchange(int a, int b) {
    int sender = H(go(gives(a, SIZE)));
    if(sender >= 0) (void)takes(b, SIZE);
    (void)T(bundle_wait(sender, soon()));
    (void)T(hclose(sender));
    sender = H(go(gives(b, 10)));
    if(sender >= 0) (void)takes(a, 10);
    (void)T(hclose(sender));
}
