/* Catches what the library writes to the standard error output. */

#ifndef CAUGHT_H_INCLUDED
#define CAUGHT_H_INCLUDED

#include "check.h"

#include <stdio.h>
#include <unistd.h>

static FILE *caught_file;
static int caught_err;

/* Call once, before the library is used. */
static inline void prepare_to_catch(void) {
    caught_file = tmpfile();
    CHECK(caught_file != NULL);
    caught_err = dup(2);
    CHECK(caught_err >= 0);
}

/* What is written to the standard error output goes to the file, or back to where it went. */
static inline void catch(void) {
    CHECK(dup2(fileno(caught_file), 2) == 2);
}

static inline const char *caught(void) {
    static char text[4096];
    CHECK(dup2(caught_err, 2) == 2);
    rewind(caught_file);
    size_t len = fread(text, 1, sizeof(text) - 1, caught_file);
    text[len] = 0;
    return text;
}

#endif
