/* Keeps the code of the library in memory for as long as the process lives. The system calls
   it at the end of threads, after signals and around forks, and a shared object that contains
   it can be closed before that.

   dlopen() and dladdr1() are looked up by name: a program that is linked statically has no
   dynamic loader, and would get a warning for a reference to them. */

#define _GNU_SOURCE
#include "symbols.h"
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

__attribute__((visibility("hidden"))) void SYMBOL(dill_stay_loaded)(void) {
    void *(*open)(const char *name, int flags);
    int (*find)(const void *address, Dl_info *info, void **extra, int flags);
    char *(*error)(void);
    Dl_info info;
    struct link_map *object = NULL;
    *(void**)&open = dlsym(RTLD_DEFAULT, "dlopen");
    *(void**)&find = dlsym(RTLD_DEFAULT, "dladdr1");
    *(void**)&error = dlsym(RTLD_DEFAULT, "dlerror");
    if(open && find &&
        find((void*)SYMBOL(dill_stay_loaded), &info, (void**)&object, RTLD_DL_LINKMAP) &&
        /* The program itself has no name, and stays anyway. */
        object && object->l_name && object->l_name[0] &&
        open(object->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE)) return;
    /* The program's next dlerror() is about its own mistakes. */
    if(error) error();
}
