/* Opens what contains the library, uses it in a thread, and closes it before the thread ends.
   "unload FILE plugin|library" */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int to_thread[2], to_main[2];
static void *opened;
static int is_plugin;
static volatile sig_atomic_t handled;
static volatile char *volatile wild = (volatile char*)8;

static void fail(const char *what) {
    fprintf(stderr, "%s failed\n", what);
    _exit(1);
}

static int use(void) {
    if(is_plugin) {
        int (*plugin_use)(void);
        *(void**)&plugin_use = dlsym(opened, "plugin_use");
        return plugin_use ? plugin_use() : -1;
    }
    int (*bundle)(void), (*hclose)(int), (*yield)(void);
    *(void**)&bundle = dlsym(opened, "dill_bundle");
    *(void**)&hclose = dlsym(opened, "dill_hclose");
    *(void**)&yield = dlsym(opened, "dill_yield");
    if(!bundle || !hclose || !yield) return -1;
    int b = bundle();
    return b >= 0 && yield() == 0 && hclose(b) == 0 ? 0 : -1;
}

static void *thread_main(void *arg) {
    char c;
    if(use() < 0) fail("use");
    if(write(to_main[1], "x", 1) != 1 || read(to_thread[0], &c, 1) != 1) fail("pipe");
    return arg;
}

static void on_fault(int signo) {
    (void)signo;
    _exit(33);
}

static void on_signal(int signo) {
    handled = signo;
}

int main(int argc, char **argv) {
    pthread_t thread;
    char c;
    if(argc < 3 || pipe(to_thread) < 0 || pipe(to_main) < 0) fail("start");
    is_plugin = strcmp(argv[2], "plugin") == 0;
    signal(SIGSEGV, on_fault);
    signal(SIGUSR1, on_signal);
    opened = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if(!opened) fail(dlerror());
    if(pthread_create(&thread, NULL, thread_main, NULL) != 0) fail("pthread_create");
    if(read(to_main[0], &c, 1) != 1) fail("pipe");
    if(dlerror()) fail("the library's own use of the loader");
    if(dlclose(opened) != 0) fail("dlclose");
    if(write(to_thread[1], "x", 1) != 1 || pthread_join(thread, NULL) != 0) fail("pthread_join");
    /* The thread has closed its channel, and handlers are the program's. */
    raise(SIGUSR1);
    if(handled != SIGUSR1) fail("SIGUSR1");
    pid_t child = fork();
    if(child == 0) _exit(0);
    /* Once more. */
    opened = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if(!opened || use() < 0 || dlclose(opened) != 0) fail("second use");
    *wild = 1;
    return 2;
}
