/* Much data both ways at once, in pieces of all sizes around those of records and buffers. */

#ifndef PIECES_H_INCLUDED
#define PIECES_H_INCLUDED

#include "check.h"

/* Ends with done(s). */
static coroutine void sends_pieces(int s, size_t total, int (*done)(int s)) {
    unsigned char *buf = (unsigned char*)malloc(70000);
    CHECK(buf);
    size_t sent = 0, size = 1;
    while(sent < total) {
        if(size > total - sent) size = total - sent;
        for(size_t i = 0; i != size; ++i)
            buf[i] = (unsigned char)((sent + i) * 31 >> 3);
        CHECK_OK(bsend(s, buf, size, -1));
        sent += size;
        size = size * 7 % 70000 + 1;
    }
    free(buf);
    CHECK_OK(done(s));
}

static coroutine void receives_pieces(int s, size_t total) {
    unsigned char *buf = (unsigned char*)malloc(50000);
    CHECK(buf);
    size_t received = 0, size = 1;
    while(received < total) {
        if(size > total - received) size = total - received;
        CHECK_OK(brecv(s, buf, size, -1));
        for(size_t i = 0; i != size; ++i)
            CHECK_INT(buf[i], (unsigned char)((received + i) * 31 >> 3));
        received += size;
        size = size * 5 % 50000 + 1;
    }
    CHECK_ERR(brecv(s, buf, 1, -1), EPIPE);
    free(buf);
}

static void both_ways_at_once(int s[2], size_t total, int (*done)(int s)) {
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(bundle_go(b, sends_pieces(s[i], total, done)));
        CHECK_OK(bundle_go(b, receives_pieces(s[i], total)));
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

#endif
