/* Handles of foreign objects: numbering, hquery and its cache, hown, hclose. */

#include <limits.h>

#include <libdillimpl.h>

#include "check.h"

static const int type_a = 0, type_b = 0, type_none = 0;

struct object {
    struct hvfs vfs;
    int a;
    int b;
    int queries;
    int closes;
    int handle;
    /* A handle that this object owns and closes together with itself. */
    int inner;
};

static void *object_query(struct hvfs *vfs, const void *type) {
    struct object *self = (struct object*)vfs;
    self->queries++;
    if(type == &type_a) return &self->a;
    if(type == &type_b) return &self->b;
    errno = ENOTSUP;
    return NULL;
}

static void object_close(struct hvfs *vfs) {
    struct object *self = (struct object*)vfs;
    self->closes++;
}

static int object_make(struct object *self, void (*close)(struct hvfs *vfs)) {
    memset(self, 0, sizeof(*self));
    self->vfs.query = object_query;
    self->vfs.close = close;
    self->inner = -1;
    self->handle = hmake(&self->vfs);
    return self->handle;
}

/* Must run first: nothing has made a handle yet. */
TEST(numbers_start_from_zero) {
    struct object o[3];
    for(int i = 0; i != 3; ++i)
        CHECK_INT(object_make(&o[i], object_close), i);
    for(int i = 0; i != 3; ++i) CHECK_OK(hclose(i));
}

TEST(numbers_are_reused_oldest_first) {
    struct object o, gone[3];
    int freed[3];
    for(int i = 0; i != 3; ++i)
        freed[i] = object_make(&gone[i], object_close);
    /* Closed in another order than made. */
    int order[3] = {freed[1], freed[2], freed[0]};
    for(int i = 0; i != 3; ++i) CHECK_OK(hclose(order[i]));
    /* A stale number must not come back at once ... */
    int found = 0;
    for(int n = 0; found != 3; ++n) {
        CHECK(n < 100000);
        int h = object_make(&o, object_close);
        CHECK_HANDLE(h);
        CHECK(n >= 8 || (h != order[0] && h != order[1] && h != order[2]));
        CHECK_OK(hclose(h));
        /* ... and when the numbers return, then in the order of closing. */
        if(h == order[found]) found++;
        else CHECK(h != order[0] && h != order[1] && h != order[2]);
    }
}

TEST(hmake_rejects_incomplete_tables) {
    struct hvfs vfs = {object_query, object_close};
    CHECK_ERR(hmake(NULL), EINVAL);
    vfs.query = NULL;
    CHECK_ERR(hmake(&vfs), EINVAL);
    vfs.query = object_query;
    vfs.close = NULL;
    CHECK_ERR(hmake(&vfs), EINVAL);
}

TEST(bad_numbers) {
    int bad[] = {-1, -2, INT_MIN, INT_MAX, 1000000};
    for(size_t i = 0; i != sizeof(bad) / sizeof(bad[0]); ++i) {
        CHECK_ERR(hclose(bad[i]), EBADF);
        CHECK_ERR(hown(bad[i]), EBADF);
        CHECK_NULL(hquery(bad[i], &type_a), EBADF);
    }
    struct object o;
    CHECK_HANDLE(object_make(&o, object_close));
    CHECK_OK(hclose(o.handle));
    CHECK_ERR(hclose(o.handle), EBADF);
    CHECK_ERR(hown(o.handle), EBADF);
    CHECK_NULL(hquery(o.handle, &type_a), EBADF);
    CHECK_INT(o.closes, 1);
}

TEST(query_and_its_cache) {
    struct object o;
    int h = object_make(&o, object_close);
    CHECK_HANDLE(h);
    CHECK_PTR(hquery(h, &type_a), &o.a);
    CHECK_INT(o.queries, 1);
    /* The same type again is answered without the object. */
    CHECK_PTR(hquery(h, &type_a), &o.a);
    CHECK_INT(o.queries, 1);
    CHECK_PTR(hquery(h, &type_b), &o.b);
    CHECK_INT(o.queries, 2);
    /* A failure is the object's own and isn't remembered. */
    CHECK_NULL(hquery(h, &type_none), ENOTSUP);
    CHECK_NULL(hquery(h, &type_none), ENOTSUP);
    CHECK_INT(o.queries, 4);
    CHECK_PTR(hquery(h, &type_b), &o.b);
    CHECK_INT(o.queries, 4);
    CHECK_OK(hclose(h));
    /* The number's next owner isn't answered from the cache of the last one. */
    struct object other;
    int n = 0;
    while(object_make(&other, object_close) != h) {
        CHECK_OK(hclose(other.handle));
        CHECK(++n < 100000);
    }
    CHECK_PTR(hquery(h, &type_b), &other.b);
    CHECK_OK(hclose(h));
}

TEST(own_moves_the_object) {
    struct object o;
    int h1 = object_make(&o, object_close);
    CHECK_HANDLE(h1);
    CHECK_PTR(hquery(h1, &type_a), &o.a);
    int h2 = hown(h1);
    CHECK_HANDLE(h2);
    CHECK(h1 != h2);
    CHECK_INT(o.closes, 0);
    CHECK_NULL(hquery(h1, &type_a), EBADF);
    CHECK_ERR(hown(h1), EBADF);
    CHECK_ERR(hclose(h1), EBADF);
    CHECK_INT(o.closes, 0);
    CHECK_PTR(hquery(h2, &type_a), &o.a);
    CHECK_OK(hclose(h2));
    CHECK_INT(o.closes, 1);
}

TEST(a_thousand_at_once) {
    enum {N = 1000};
    static struct object o[N];
    static char taken[65536];
    for(int i = 0; i != N; ++i) {
        int h = object_make(&o[i], object_close);
        CHECK_BETWEEN(h, 0, sizeof(taken) - 1);
        CHECK(!taken[h]);
        taken[h] = 1;
    }
    for(int i = 0; i != N; ++i)
        CHECK_PTR(hquery(o[i].handle, &type_a), &o[i].a);
    for(int i = 0; i != N; i += 2) CHECK_OK(hclose(o[i].handle));
    for(int i = 1; i < N; i += 2) {
        CHECK_NULL(hquery(o[i - 1].handle, &type_a), EBADF);
        CHECK_PTR(hquery(o[i].handle, &type_a), &o[i].a);
        CHECK_OK(hclose(o[i].handle));
    }
    for(int i = 0; i != N; ++i) CHECK_INT(o[i].closes, 1);
}

static void close_with_inner(struct hvfs *vfs) {
    struct object *self = (struct object*)vfs;
    self->closes++;
    if(self->inner >= 0) CHECK_OK(hclose(self->inner));
}

TEST(handles_closed_while_closing) {
    struct object o[3];
    for(int i = 0; i != 3; ++i) {
        CHECK_HANDLE(object_make(&o[i], close_with_inner));
        if(i) o[i].inner = o[i - 1].handle;
    }
    CHECK_OK(hclose(o[2].handle));
    for(int i = 0; i != 3; ++i) {
        CHECK_INT(o[i].closes, 1);
        CHECK_ERR(hclose(o[i].handle), EBADF);
    }
}

static void close_that_blocks(struct hvfs *vfs) {
    struct object *self = (struct object*)vfs;
    self->closes++;
    CHECK_ERR(msleep(now() + 1), ECANCELED);
    CHECK_ERR(yield(), ECANCELED);
    CHECK_ERR(hmake(vfs), ECANCELED);
    if(self->inner >= 0) CHECK_OK(hclose(self->inner));
    /* Still no blocking after a nested close. */
    CHECK_ERR(msleep(0), ECANCELED);
}

TEST(no_blocking_while_closing) {
    struct object inner, outer;
    CHECK_HANDLE(object_make(&inner, close_that_blocks));
    CHECK_HANDLE(object_make(&outer, close_that_blocks));
    outer.inner = inner.handle;
    CHECK_OK(hclose(outer.handle));
    CHECK_INT(inner.closes, 1);
    CHECK_INT(outer.closes, 1);
    CHECK_OK(yield());
    CHECK_OK(msleep(0));
}

static void close_itself_again(struct hvfs *vfs) {
    struct object *self = (struct object*)vfs;
    self->closes++;
    CHECK_ERR(hclose(self->handle), EBADF);
}

TEST(closing_twice_at_once) {
    struct object o;
    CHECK_HANDLE(object_make(&o, close_itself_again));
    CHECK_OK(hclose(o.handle));
    CHECK_INT(o.closes, 1);
}

static coroutine void own_when_cancelled(int h) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(hown(h), ECANCELED);
    /* hown that fails closes its argument. */
    CHECK_ERR(hclose(h), EBADF);
}

TEST(own_that_fails_closes) {
    struct object o;
    CHECK_HANDLE(object_make(&o, object_close));
    int b = go(own_when_cancelled(o.handle));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_INT(o.closes, 1);
}
