# To be sourced by c-tests/install*.sh: installs into a new prefix and has programs to
# build with that.

. "$(dirname "$0")/peers/build.sh"

# A make around this must not be taken for the one started here.
unset MAKEFLAGS MAKELEVEL MFLAGS
# Neither may what is installed elsewhere on this machine be taken for ours.
unset PKG_CONFIG_PATH PKG_CONFIG_LIBDIR LIBRARY_PATH LD_LIBRARY_PATH C_INCLUDE_PATH

prefix=$work/prefix

# install_make ARGUMENTS...: the Makefile's rules. Building anything is an error.
install_make() {
    make CARGO=false RELEASE="${DILL_LIB_DIR:-target/release}" "$@" > "$work/make.log" 2>&1 ||
        fail "make $* has failed"
}

cat > "$work/prog.c" << 'END'
#include <libdill.h>
#include <libdillimpl.h>
#include <stdio.h>

static coroutine void sends(int ch, int val) {
    chsend(ch, &val, sizeof(val), -1);
}

int main(void) {
    int ch[2], val = 0;
    if(chmake(ch) < 0) return 1;
    int b = go(sends(ch[0], 42));
    if(b < 0 || chrecv(ch[1], &val, sizeof(val), -1) < 0) return 1;
    if(bundle_cancel(b, -1) < 0) return 1;
    /* The sockets, names and TLS are there, too. */
    struct ipaddr addr;
    if(ipaddr_remote(&addr, "localhost", 5555, 0, -1) < 0) perror("localhost");
    if(tls_attach_client(-1, -1) >= 0 || errno != EBADF) return 1;
    printf("%d\n", val);
    return hquery(1234, bsock_type) == NULL ? 0 : 1;
}
END

# runs WHAT LIBRARY PROGRAM: it runs, with libdill.so.20 from LIBRARY, or without any.
runs() {
    same "$1" "$(LD_LIBRARY_PATH=$2 "$3" 2>&1)" 42
    loaded=$(LD_LIBRARY_PATH=$2 ldd "$3" 2>&1 | sed -n 's/.*libdill\.so\.20 => \(.*\) (.*/\1/p')
    same "$1: the library" "$loaded" "${2:+$2/libdill.so.20}"
}
