/* Random arguments, and the memory and the handles of an episode. */

#ifndef ARGUMENTS_H_INCLUDED
#define ARGUMENTS_H_INCLUDED

#include <fcntl.h>
#include <stdlib.h>

#include <libdillimpl.h>

#include "../net.h"
#include "../random.h"

#define MEMORY 4000     /* blocks in one episode, at most */

#define CA "c-tests/certs/ca.pem"
#define CERT "c-tests/certs/chain.pem"
#define KEY "c-tests/certs/server.key"

/* ------------------------------------------------------------------ chance -- */

/* True once in n times. */
static int once(uint32_t n) {
    return rnd(n) == 0;
}

/* --------------------------------------------------- memory of the episode -- */

/* Storage that the library keeps must outlive all objects: it is freed when the thread
   has ended. Each block has its exact size, so that AddressSanitizer sees its ends. */
static void *blocks[MEMORY];
static int nblocks;

static void *memory(size_t size) {
    CHECK(nblocks < MEMORY);
    unsigned char *block = malloc(size ? size : 1);
    CHECK(block);
    for(size_t i = 0; i != size; i++) block[i] = (unsigned char)(once(4) ? rnd(256) : 0);
    return blocks[nblocks++] = block;
}

/* Memory for one thing, or sometimes NULL. */
#define MEM(type) ((struct type*)(once(20) ? NULL : memory(sizeof(struct type))))

#define BUFFER 300

static size_t length(void) {
    return once(3) ? rnd(4) : rnd(BUFFER + 1);
}

static void *buffer(void) {
    return once(25) ? NULL : memory(BUFFER);
}

/* Names, paths, values and the like. */
static const char *text(void) {
    static const char *const texts[] = {
        "", "a", "GET", "/", "/index.html", "Content-Length", "Transfer-Encoding", "5",
        "chunked", "Connection", "close", "Host", "localhost", "127.0.0.1", "::1",
        "256.1.1.1", "\r\n", "a b", "x: y\r\nz: w", "\xff\xfe", CERT, KEY, "c-tests",
        "/nonexistent/file", "lo", "999999999999999999999999", "user", "pass",
        "dGhlIHNhbXBsZSBub25jZQ==", "HTTP/1.1", "Sec-WebSocket-Protocol", "%s%n"
    };
    if(once(15)) return NULL;
    if(once(10)) {
        size_t len = rnd(3000);
        char *t = memory(len + 1);
        memset(t, once(2) ? 'a' : 1 + (int)rnd(255), len);
        t[len] = '\0';
        return t;
    }
    return texts[rnd(sizeof(texts) / sizeof(texts[0]))];
}

/* --------------------------------------------------------------- arguments -- */

static int handles[48], nhandles;       /* given out in this episode; may be closed */
static char families[48];               /* what each of them is, or was */
static char wanted;                     /* what the present call takes */
static int takes_over;                  /* and its handle is good for nothing afterwards */
static int foreign[8];                  /* open, on another thread */
static int base;                        /* the lowest number of this thread's handles */

static int64_t deadline(void) {
    switch(rnd(10)) {
    case 0: return -1;
    case 1: return now() + rnd(100);
    case 2: return now() - 1;
    case 3: return once(2) ? INT64_MIN : INT64_MAX;
    case 4: return -2;
    case 5: case 6: return now() + 1 + rnd(3);
    default: return 0;
    }
}

static int handle(void) {
    static const int odd[] = {-1, -2, -3, INT32_MIN, INT32_MAX, 1000000, 1 << 30};
    uint32_t r = rnd(40);
    if(r == 0) return odd[rnd(sizeof(odd) / sizeof(odd[0]))];
    if(r == 1) return foreign[rnd(8)];
    if(r < 4 || nhandles == 0) return base + (int)rnd(64);
    if(r < 28) {
        /* One of the right kind, if there is any. */
        int first = (int)rnd((uint32_t)nhandles);
        for(int i = 0; i != nhandles; i++) {
            int h = (first + i) % nhandles;
            if(families[h] != wanted && (wanted != 's' || !strchr("tixT", families[h]))) continue;
            /* Mostly the next ones look elsewhere. */
            if(takes_over && !once(4)) families[h] = '.';
            return handles[h];
        }
    }
    return handles[(r < 20 ? (uint32_t)nhandles - 1 - rnd(nhandles < 6 ? nhandles : 6) :
        rnd((uint32_t)nhandles)) % 48];
}

static void keep(int h, char family) {
    if(nhandles == 48) {
        memmove(handles, handles + 1, sizeof(handles) - sizeof(handles[0]));
        memmove(families, families + 1, sizeof(families) - sizeof(families[0]));
        nhandles--;
    }
    families[nhandles] = family;
    handles[nhandles++] = h;
}

static int pipes[2];

static int descriptor(void) {
    switch(rnd(6)) {
    case 0: return -1;
    case 1: return 9999;
    case 2: return INT32_MAX;
    case 3: return pipes[1];
    default: return pipes[0];
    }
}

/* Gives the pipe something to read, or takes that. */
static int feed(void) {
    char c[4];
    return (int)(once(2) ? write(pipes[1], "x", 1) : read(pipes[0], c, sizeof(c)));
}

static struct ipaddr *address(void) {
    struct ipaddr *addr = MEM(ipaddr);
    if(addr && !once(5)) (void)ipaddr_local(addr, once(4) ? "::1" : "127.0.0.1", 0, 0);
    return addr;
}

/* A list of buffers, mostly in order; the last one goes to *last. */
static struct iolist *list(struct iolist **last) {
    struct iolist *first = NULL, **link = &first, *end = NULL;
    for(uint32_t n = once(4) ? 0 : 1 + rnd(4); n; n--) {
        end = memory(sizeof(*end));
        end->iol_len = rnd(60);
        end->iol_base = once(8) ? NULL : memory(60);
        end->iol_next = NULL;
        end->iol_rsvd = once(40) ? 1 : 0;
        *link = end;
        link = &end->iol_next;
    }
    if(end && once(40)) end->iol_next = first;      /* a loop */
    *last = once(30) ? NULL : once(40) ? first : end;
    return first;
}

static const char *file(void) {
    switch(rnd(4)) {
    case 0: return CERT;
    case 1: return KEY;
    case 2: return CA;
    default: return text();
    }
}

/* Names that are answered without a network. */
static const char *name(void) {
    static const char *const names[] = {
        "localhost", "127.0.0.1", "::1", "", "1.2.3", "not here", "..", "::", NULL
    };
    return names[rnd(9)];
}

/* The directory in which sockets may appear. */
static char directory[80];

static const char *path(void) {
    static char here[256];
    const char *name = once(2) ? "a" : once(2) ? "b" : text();
    /* What nobody makes anything of. */
    if(!name || !*name || strlen(name) > 107) return name;
    snprintf(here, sizeof(here), "%s/%s", directory, name);
    if(once(3)) unlink(here);
    return here;
}

#endif
