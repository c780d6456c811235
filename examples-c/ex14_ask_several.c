/* Example 14: ask several, wait once.
 *
 * "Three parts of the program are to stop, each in a bundle of its own.  With three calls of
 * bundle_cancel one after the other, the last part learns of the shutdown when the first has
 * used up its period."  bundle_request asks without waiting: first all are asked, then main goes
 * on receiving their last reports, and all of them have one and the same period.
 *
 * One part is asked while it is being started.  The request isn't lost: who is launched into a
 * bundle that was asked finds it asked.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t t0;

static void say(const char *who, const char *what) {
    printf("%5.1f s  %-6s %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

struct part {
    const char *name;
    int64_t finishing; /* ms that it takes to finish */
    int bundle;
};

/* Works until the request comes, finishes, and reports to main. */
static coroutine void run_part(const struct part *part, int reports) {
    struct chclause request = {CHREQUEST, -1, NULL, 0};
    if(choose(&request, 1, -1) < 0) return;
    if(msleep(now() + part->finishing) < 0) {
        say(part->name, "is cut");
        return;
    }
    chsend(reports, &part, sizeof(part), -1);
}

int main(void) {
    struct part parts[] = {{"web", 3000, -1}, {"mail", 8000, -1}, {"backup", 60000, -1},
        {"late", 1000, -1}};
    enum {COUNT = sizeof(parts) / sizeof(parts[0])};
    t0 = now();
    int reports[2];
    must(chmake(reports) == 0, "chmake");
    for(int i = 0; i != COUNT; ++i) {
        parts[i].bundle = bundle();
        must(parts[i].bundle >= 0, "bundle");
        if(i == COUNT - 1) break;
        must(bundle_go(parts[i].bundle, run_part(&parts[i], reports[1])) == 0, "bundle_go");
    }
    msleep(now() + 1000);

    say("main", "asks all of them, and gives them 10 s");
    int64_t end = now() + 10000;
    for(int i = 0; i != COUNT; ++i) must(bundle_request(parts[i].bundle) == 0, "bundle_request");
    /* It was on its way when the request came. */
    struct part *late = &parts[COUNT - 1];
    must(bundle_go(late->bundle, run_part(late, reports[1])) == 0, "bundle_go");

    const struct part *done;
    int finished = 0;
    while(finished != COUNT && chrecv(reports[0], &done, sizeof(done), end) == 0) {
        ++finished;
        say(done->name, "has finished");
    }
    /* What is left of the one period, which may be nothing. */
    for(int i = 0; i != COUNT; ++i) {
        int64_t left = end - now();
        int rc = bundle_cancel(parts[i].bundle, left > 0 ? left : 0);
        must(rc == 0 || errno == ETIMEDOUT, "bundle_cancel");
    }
    say("main", "all have ended");
    hclose(reports[0]);
    hclose(reports[1]);
    return 0;
}
