/* CHSOCK through protocols written in C: one that buffers and says so, one that passes
   the query on to the socket beneath, one that cannot be asked. */

#include <libdillimpl.h>

#include "check.h"

struct protocol {
    struct hvfs hvfs;
    struct input_vfs input;
    int beneath;
    int passes_on;
    int buffered;
    int fd;
    int error;
};

static void *query(struct hvfs *hvfs, const void *type) {
    struct protocol *self = (struct protocol*)hvfs;
    if(type == input_type && self->input.input) return &self->input;
    if(self->passes_on) return hquery(self->beneath, type);
    errno = ENOTSUP;
    return NULL;
}

static void close_nothing(struct hvfs *hvfs) {
    (void)hvfs;
}

static int input(struct input_vfs *vfs, int *beneath) {
    struct protocol *self =
        (struct protocol*)((char*)vfs - offsetof(struct protocol, input));
    if(self->error) {
        errno = self->error;
        return -1;
    }
    if(self->buffered) return INPUT_BUFFERED;
    if(self->fd >= 0) {
        *beneath = self->fd;
        return INPUT_FD;
    }
    *beneath = self->beneath;
    return INPUT_BENEATH;
}

static int attach(struct protocol *self, int beneath, int has_input) {
    *self = (struct protocol){.beneath = beneath, .fd = -1};
    self->hvfs.query = query;
    self->hvfs.close = close_nothing;
    if(has_input) self->input.input = input;
    int h = hmake(&self->hvfs);
    CHECK_HANDLE(h);
    return h;
}

static coroutine void sends_later(int s) {
    CHECK_OK(yield());
    CHECK_OK(bsend(s, "x", 1, -1));
}

static int wait_for(int s, int64_t deadline) {
    struct chclause clause = {CHSOCK, s, NULL, 0};
    return choose(&clause, 1, deadline);
}

TEST(input_counts_through_protocols, BOTH_POLLERS) {
    int s[2];
    CHECK_OK(ipc_pair(s));
    struct protocol low, high, mute, direct;
    int l = attach(&low, s[0], 1), h = attach(&high, l, 0);
    int m = attach(&mute, s[0], 0), d = attach(&direct, -1, 1);
    high.passes_on = 1;

    /* Nothing there: asked down to the socket, through both. */
    CHECK_INT(wait_for(l, 0), -1);
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT(wait_for(h, 0), -1);
    CHECK_INT(errno, ETIMEDOUT);

    /* Buffered input counts, and no system call is needed for it. */
    low.buffered = 1;
    CHECK_INT(wait_for(l, -1), 0);
    CHECK_INT(errno, 0);
    CHECK_INT(wait_for(h, -1), 0);
    CHECK_INT(errno, 0);
    low.buffered = 0;

    /* Input that comes while one waits. */
    int b = go(sends_later(s[1]));
    CHECK_HANDLE(b);
    CHECK_INT(wait_for(h, -1), 0);
    CHECK_INT(errno, 0);
    CHECK_INT(wait_for(s[0], 0), 0);
    char c;
    CHECK_OK(brecv(s[0], &c, 1, -1));
    CHECK_INT(c, 'x');
    CHECK_OK(hclose(b));
    CHECK_INT(wait_for(h, 0), -1);

    /* Who can't be asked, who fails, who asks in a circle. */
    CHECK_INT(wait_for(m, 0), 0);
    CHECK_INT(errno, ENOTSUP);
    low.error = EIO;
    CHECK_INT(wait_for(h, 0), 0);
    CHECK_INT(errno, EIO);
    low.error = 0;
    low.beneath = l;
    CHECK_INT(wait_for(l, 0), 0);
    CHECK_INT(errno, ELOOP);

    /* A protocol on a descriptor of its own. */
    int fds[2];
    CHECK_OK(pipe(fds));
    direct.fd = fds[0];
    CHECK_INT(wait_for(d, 0), -1);
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT((int)write(fds[1], "y", 1), 1);
    CHECK_INT(wait_for(d, -1), 0);
    CHECK_INT(errno, 0);

    /* The end of the stream is input, too. */
    low.beneath = s[0];
    CHECK_OK(hclose(s[1]));
    CHECK_INT(wait_for(h, -1), 0);
    CHECK_INT(errno, 0);
    CHECK_OK(hclose(h));
    CHECK_OK(hclose(l));
    CHECK_OK(hclose(m));
    CHECK_OK(hclose(d));
    CHECK_OK(hclose(s[0]));
}
