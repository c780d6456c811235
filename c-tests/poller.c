/* DILL_POLLER=io_uring uses an io_uring where the system has one, and only then. */

#include <dirent.h>
#include <sys/syscall.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

static int has(const char *kind) {
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    struct dirent *entry;
    int found = 0;
    while((entry = readdir(dir))) {
        char path[300], target[100] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
        if(readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, kind) == 0) found = 1;
    }
    CHECK_OK(closedir(dir));
    return found;
}

static coroutine void sends(int s) {
    CHECK_OK(bsend(s, "abc", 3, -1));
}

static void works(void) {
    int s[2];
    char buf[3];
    CHECK_OK(ipc_pair(s));
    int b = go(sends(s[0]));
    CHECK_HANDLE(b);
    CHECK_OK(brecv(s[1], buf, 3, -1));
    CHECK_ERR(brecv(s[1], buf, 1, now() + 1), ETIMEDOUT);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(the_one_that_was_asked_for) {
    const char *poller = getenv("DILL_POLLER");
    int wanted = poller && strcmp(poller, "io_uring") == 0;
    works();
    if(wanted && !has("anon_inode:[io_uring]")) {
        unsigned char parameters[120] = {0};
        if(syscall(SYS_io_uring_setup, 8, parameters) < 0 && errno != EFAULT)
            SKIP("no io_uring here: %s", strerror(errno));
    }
    CHECK_INT(has("anon_inode:[io_uring]"), wanted);
}
