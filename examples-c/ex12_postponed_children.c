/* Example 12: an owner that postpones the shutdown of its children.
 *
 * "A coroutine may need its children for its own clean-up.  How would it keep the request from
 * them, if the runtime distributes it behind the scenes?"  The runtime doesn't: a request ends at
 * the bundle that it was sent to.  The cache below first has its dirty pages written by the disk
 * coroutine, which goes on working as if nothing had happened, and only then passes the request
 * on, with what is left of the period.  In band again: the disk gets it after the last page.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t t0;

static void say(const char *who, const char *what, int n) {
    printf("%5.1f s  %-6s %s", (double)(now() - t0) / 1000.0, who, what);
    if(n >= 0) printf(" %d", n);
    printf("\n");
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

static coroutine void disk(int ch) {
    int page;
    while(chrecv(ch, &page, sizeof(page), -1) == 0) {
        if(msleep(now() + 500) < 0) break;
        say("disk", "has written page", page);
    }
    if(errno == EPIPE) say("disk", "asked to stop, closes its file", -1);
    else say("disk", "hard-cancelled: THE FILE IS BROKEN", -1);
}

static coroutine void cache(int stop) {
    int ch[2];
    must(chmake(ch) == 0, "chmake");
    int disks = bundle();
    must(disks >= 0, "bundle");
    must(bundle_notify(disks, ch[1]) == 0, "bundle_notify");
    must(bundle_go(disks, disk(ch[0])) == 0, "bundle_go");

    /* Its work: a page gets dirty every second. */
    int dirty = 0;
    while(chrecv(stop, NULL, 0, now() + 1000) < 0 && errno == ETIMEDOUT) ++dirty;
    if(errno == EPIPE) {
        say("cache", "asked to stop; dirty pages:", dirty);
        for(int page = 1; page <= dirty; ++page) {
            if(chsend(ch[1], &page, sizeof(page), -1) < 0) break;
        }
        say("cache", "has handed all over, passes the request on", -1);
    }
    int rc = bundle_cancel(disks, DILL_INHERIT);
    say("cache", rc == 0 ? "the disk has ended by itself" : "the disk had to be cut", -1);
    hclose(ch[0]);
    hclose(ch[1]);
}

int main(void) {
    t0 = now();
    int stop[2];
    must(chmake(stop) == 0, "chmake");
    int b = bundle();
    must(b >= 0, "bundle");
    must(bundle_notify(b, stop[1]) == 0, "bundle_notify");
    must(bundle_go(b, cache(stop[0])) == 0, "bundle_go");
    msleep(now() + 4200);
    say("main", "10 s for the cache", -1);
    int rc = bundle_cancel(b, 10000);
    say("main", rc == 0 ? "it has ended by itself" : "it had to be cut", -1);
    hclose(stop[0]);
    hclose(stop[1]);
    return 0;
}
