/* Example 15: an errgroup.
 *
 * "Fetch three pages at a time.  If one can't be had, the others are of no use any more: stop them
 * at once, and tell me which error it was."  A member reports it with bundle_fail: the other members
 * are hard-cancelled, and bundle_wait returns the first error.  Who fails because it was cancelled
 * reports nothing by that: bundle_fail knows it.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t t0;

static void say(const char *who, const char *what) {
    printf("%5.1f s  %-8s %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

struct page {
    const char *name;
    int64_t takes; /* ms */
    int err;       /* how it ends */
};

/* Stands for a real transfer. */
static int transfer(const struct page *page) {
    if(msleep(now() + page->takes) < 0) return -1;
    errno = page->err;
    return page->err ? -1 : 0;
}

static coroutine void fetch(const struct page *page) {
    if(transfer(page) == 0) {
        say(page->name, "is here");
        return;
    }
    int err = errno;
    say(page->name, strerror(err));
    bundle_fail(err);
}

static void fetch_all(const struct page *pages, int count) {
    t0 = now();
    int b = bundle();
    must(b >= 0, "bundle");
    for(int i = 0; i != count; ++i)
        must(bundle_go(b, fetch(&pages[i])) == 0, "bundle_go");
    int err = bundle_wait(b, now() + 60000);
    must(err >= 0, "bundle_wait");
    say("main", err == 0 ? "has all pages" : strerror(err));
    hclose(b);
}

int main(void) {
    const struct page all_are_there[] = {{"/", 1000, 0}, {"/news", 3000, 0}, {"/about", 2000, 0}};
    const struct page one_is_not[] = {{"/", 1000, 0}, {"/news", 3000, 0}, {"/gone", 2000, ENOENT}};
    printf("All pages are there:\n");
    fetch_all(all_are_there, 3);
    printf("One page isn't:\n");
    fetch_all(one_is_not, 3);
    return 0;
}
