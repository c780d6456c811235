/* What the files of scenarios share. */

#ifndef SHARED_H_INCLUDED
#define SHARED_H_INCLUDED

#include <libdillimpl.h>

#include "../../check.h"

/* A call that may fail, one that returns a handle, and one that must not have failed. */
#define T(expr) (int)result_of(#expr, expr)
#define H(expr) keep((int)result_of(#expr, expr))

/* Counts a result, which must be one. */
long long result_of(const char *what, long long result);
/* Has a handle closed in the end. */
int keep(int h);
void close_all(void);
int64_t soon(void);

/* A message of `len` bytes, and whether it arrived whole. */
void fill(char *buf, size_t len);
int is_whole(const char *buf, size_t len);

/* Two ends of a local connection. */
int pair(int s[2]);

#define SIZE 20000
/* What one end sends and the other gets: whole, or an error. */
coroutine void gives(int s, size_t size);
int takes(int s, size_t size);
/* Sends on a and receives on b, and the other way round. */
void exchange(int a, int b);

/* The scenarios of each file. */
void bundles(void);
void channels(void);
void scopes(void);
void many(void);
void descriptors(void);
void signals(void);

void tcp(void);
void tcp_fromfd_and_back(void);
void server(void);
void ipc(void);
void udp(void);
void names(void);
void happy_eyeballs(void);

void prefix(void);
void suffix(void);
void term(void);
void http(void);
void ws(void);
void socks5(void);
void tls(void);
void tls_refused(void);

#endif
