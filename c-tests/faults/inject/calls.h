/* For the functions that the library calls in place of the C library's: each counts its call, and
   fails when it is due. */

#ifndef CALLS_H_INCLUDED
#define CALLS_H_INCLUDED

#include <errno.h>

/* Counts a call of `name`. Returns the error that it is to fail with, or 0. `errors` ends in 0. */
int due_error(const char *name, const int *errors);

/* Adds to what the library holds. */
void hold(long blocks, long bytes, long maps);

/* Fails with one of these errors if that is due. */
#define FAILS(name, result, ...) do {\
    static const int errors[] = {__VA_ARGS__, 0};\
    int error = due_error(name, errors);\
    if(error) {\
        errno = error;\
        return result;\
    }\
} while(0)

#endif
