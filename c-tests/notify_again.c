/* Registering a channel with a bundle again changes nothing. */

#include "coroutines.h"
#include "process.h"

BEFORE_EACH {
    use_virtual_time();
}

static void close_both(int ch[2]) {
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void waits(int ch, const char *name) {
    CHECK_ERR(chrecv(ch, NULL, 0, -1), EPIPE);
    note("%s", name);
}

/* It takes no memory. */
TEST(a_million_times, TIME_LIMIT(60)) {
    int ch[2], b = bundle(), times = under_memcheck() ? 1000 : 1000000;
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[0]));
    long before = resident_kb();
    for(int i = 0; i != times; ++i) CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_BETWEEN(resident_kb() - before, -100000, 1000);
    CHECK_OK(bundle_go(b, waits(ch[1], "asked")));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("asked");
    close_both(ch);
}

/* Each of several channels, with each of several bundles. */
TEST(every_pair) {
    int ch[3][2], b[3];
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(chmake(ch[i]));
        b[i] = bundle();
    }
    for(int times = 0; times != 3; ++times)
        for(int i = 0; i != 3; ++i)
            for(int j = 0; j != 3; ++j)
                if(i != j) CHECK_OK(bundle_notify(b[i], ch[j][0]));
    CHECK_OK(bundle_request(b[0]));
    CHECK_ERR(chrecv(ch[0][1], NULL, 0, 0), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[1][1], NULL, 0, 0), EPIPE);
    CHECK_ERR(chrecv(ch[2][1], NULL, 0, 0), EPIPE);
    /* Done already, by another bundle or by itself: no error. */
    CHECK_OK(bundle_notify(b[0], ch[1][0]));
    CHECK_OK(bundle_request(b[1]));
    CHECK_ERR(chrecv(ch[0][1], NULL, 0, 0), EPIPE);
    for(int i = 0; i != 3; ++i) {
        close_both(ch[i]);
        CHECK_OK(hclose(b[i]));
    }
}

/* Both ends are channels of their own. */
TEST(the_other_end) {
    int ch[2], b = bundle();
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_OK(bundle_notify(b, ch[1]));
    CHECK_OK(bundle_request(b));
    CHECK_ERR(chrecv(ch[0], NULL, 0, 0), EPIPE);
    CHECK_ERR(chrecv(ch[1], NULL, 0, 0), EPIPE);
    close_both(ch);
    CHECK_OK(hclose(b));
}

/* A registration that has ended can be made again. */
TEST(after_the_end_of_either) {
    int ch[2], b = bundle();
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_OK(hclose(b));
    b = bundle();
    CHECK_OK(bundle_notify(b, ch[0]));
    close_both(ch);
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_OK(bundle_request(b));
    CHECK_ERR(chrecv(ch[1], NULL, 0, 0), EPIPE);
    close_both(ch);
    CHECK_OK(hclose(b));
}
