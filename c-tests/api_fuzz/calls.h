/* All calls there are, and the kinds of objects that they make and take. */

#ifndef CALLS_H_INCLUDED
#define CALLS_H_INCLUDED

#include "arguments.h"
#include "conversations.h"
#include "operations.h"

enum { PLAIN, MAKES };

#define CALLS_OF(X) \
    X(PLAIN, fdclean, fdclean(descriptor())) \
    X(PLAIN, feed, feed()) \
    X(PLAIN, fdin, fdin(descriptor(), deadline())) \
    X(PLAIN, fdout, fdout(descriptor(), deadline())) \
    X(PLAIN, msleep, msleep(once(8) ? deadline() : now() + rnd(20))) \
    X(PLAIN, hclose, hclose(handle())) \
    X(MAKES, hown, hown(handle())) \
    X(MAKES, hmake, make_thing()) \
    X(PLAIN, hquery, query()) \
    X(MAKES, bundle, bundle()) \
    X(MAKES, bundle_mem, bundle_mem(MEM(bundle_storage))) \
    X(PLAIN, bundle_wait, bundle_wait(handle(), deadline())) \
    X(PLAIN, bundle_cancel, bundle_cancel(handle(), once(3) ? -3 + (int64_t)rnd(3) : rnd(9))) \
    X(PLAIN, bundle_notify, bundle_notify(handle(), handle())) \
    X(PLAIN, bundle_request, bundle_request(once(3) ? -1 : handle())) \
    X(PLAIN, bundle_requested, bundle_requested()) \
    X(PLAIN, bundle_fail, bundle_fail((int)rnd(200) - 1)) \
    X(PLAIN, bundle_follow, bundle_follow(handle())) \
    X(PLAIN, bundle_deadline, bundle_deadline(handle(), now() + rnd(30))) \
    X(PLAIN, deadline, dill_left(dill_deadline() - rnd(3)) < -1 ? -1 : 0) \
    X(PLAIN, reason, dill_reason() ? (int)strlen(dill_reason()) : 0) \
    X(PLAIN, last_resort, dill_last_resort(once(2) ? -1 : 600000, 1)) \
    X(PLAIN, yield, yield()) \
    X(MAKES, go, launch(depth)) \
    X(PLAIN, chmake, channel(0)) \
    X(PLAIN, chmake_mem, channel(1)) \
    X(PLAIN, chsend, chsend(handle(), buffer(), once(4) ? length() : 4, deadline())) \
    X(PLAIN, chrecv, chrecv(handle(), buffer(), once(4) ? length() : 4, deadline())) \
    X(PLAIN, chdone, chdone(handle())) \
    X(PLAIN, choose, choice()) \
    X(PLAIN, cancel_enter, enter(once(2) ? handle() : -3 + (int)rnd(3))) \
    X(PLAIN, cancel_leave, leave()) \
    X(MAKES, sigchan, signal_channel()) \
    X(PLAIN, bsend, bsend(handle(), buffer(), length(), deadline())) \
    X(PLAIN, brecv, brecv(handle(), buffer(), length(), deadline())) \
    X(PLAIN, bsendl, bsendl(handle(), first, last, deadline())) \
    X(PLAIN, brecvl, brecvl(handle(), first, last, deadline())) \
    X(PLAIN, msend, msend(handle(), buffer(), length(), deadline())) \
    X(PLAIN, mrecv, mrecv(handle(), buffer(), length(), deadline())) \
    X(PLAIN, msendl, msendl(handle(), first, last, deadline())) \
    X(PLAIN, mrecvl, mrecvl(handle(), first, last, deadline())) \
    X(PLAIN, ipaddr, describe()) \
    X(PLAIN, ipaddr_local, ipaddr_local(MEM(ipaddr), text(), (int)rnd(70000) - 2, (int)rnd(6))) \
    X(PLAIN, ipaddr_remote, ipaddr_remote(MEM(ipaddr), name(), (int)rnd(70000) - 2, \
        (int)rnd(6), deadline())) \
    X(PLAIN, ipaddr_remotes, ipaddr_remotes(once(9) ? NULL : memory(4 * sizeof(struct ipaddr)), \
        (int)rnd(6) - 1, name(), (int)rnd(70000) - 2, (int)rnd(6), deadline())) \
    X(MAKES, tcp_listen, listens(0)) \
    X(MAKES, tcp_listen_mem, listens(1)) \
    X(MAKES, tcp_accept, tcp_accept(handle(), address(), deadline())) \
    X(MAKES, tcp_accept_mem, tcp_accept_mem(handle(), NULL, MEM(tcp_storage), deadline())) \
    X(MAKES, tcp_connect, connected(0)) \
    X(MAKES, tcp_connect_mem, connected(1)) \
    X(MAKES, tcp_pair, tcp_both()) \
    X(PLAIN, tcp_done, tcp_done(handle(), deadline())) \
    X(PLAIN, tcp_close, tcp_close(handle(), deadline())) \
    X(MAKES, tcp_fromfd, take_over(from_tcp, once(4) ? SOCK_DGRAM : SOCK_STREAM, (int)rnd(2))) \
    X(MAKES, tcp_listener_fromfd, take_over(from_tcpl, SOCK_STREAM, (int)rnd(2))) \
    X(MAKES, ipc_listen, ipc_listen(path(), (int)rnd(9) - 1)) \
    X(MAKES, ipc_listen_mem, ipc_listen_mem(path(), 2, MEM(ipc_listener_storage))) \
    X(MAKES, ipc_accept, ipc_accept(handle(), deadline())) \
    X(MAKES, ipc_accept_mem, ipc_accept_mem(handle(), MEM(ipc_storage), deadline())) \
    X(MAKES, ipc_connect, ipc_connect(path(), deadline())) \
    X(MAKES, ipc_connect_mem, ipc_connect_mem(path(), MEM(ipc_storage), deadline())) \
    X(PLAIN, ipc_pair, pair(0)) \
    X(PLAIN, ipc_pair_mem, pair(1)) \
    X(PLAIN, ipc_sendfd, ipc_sendfd(handle(), descriptor(), deadline())) \
    X(PLAIN, ipc_recvfd, receive_descriptor()) \
    X(PLAIN, ipc_done, ipc_done(handle(), deadline())) \
    X(PLAIN, ipc_close, ipc_close(handle(), deadline())) \
    X(MAKES, ipc_fromfd, take_over(from_ipc, SOCK_STREAM, (int)rnd(2))) \
    X(MAKES, ipc_listener_fromfd, take_over(from_ipcl, SOCK_STREAM, (int)rnd(2))) \
    X(MAKES, udp_open, udp_open(address(), address())) \
    X(MAKES, udp_open_mem, udp_open_mem(address(), NULL, MEM(udp_storage))) \
    X(PLAIN, udp_send, udp_send(handle(), address(), buffer(), length())) \
    X(PLAIN, udp_recv, udp_recv(handle(), MEM(ipaddr), buffer(), length(), deadline())) \
    X(PLAIN, udp_sendl, udp_sendl(handle(), address(), first, last)) \
    X(PLAIN, udp_recvl, udp_recvl(handle(), MEM(ipaddr), first, last, deadline())) \
    X(MAKES, prefix_attach, prefix_attach(handle(), rnd(40), (int)rnd(3))) \
    X(MAKES, prefix_attach_mem, prefix_attach_mem(handle(), rnd(9), (int)rnd(2), \
        MEM(prefix_storage))) \
    X(MAKES, prefix_detach, prefix_detach(handle())) \
    X(MAKES, suffix_attach, suffix_attach(handle(), buffer(), rnd(40))) \
    X(MAKES, suffix_attach_mem, suffix_attach_mem(handle(), "\r\n", 2, MEM(suffix_storage))) \
    X(MAKES, suffix_detach, suffix_detach(handle(), deadline())) \
    X(MAKES, term_attach, term_attach(handle(), buffer(), rnd(40))) \
    X(MAKES, term_attach_mem, term_attach_mem(handle(), "STOP", 4, MEM(term_storage))) \
    X(PLAIN, term_done, term_done(handle(), deadline())) \
    X(MAKES, term_detach, term_detach(handle(), deadline())) \
    X(MAKES, happyeyeballs_connect, happyeyeballs_connect(name(), (int)rnd(70000), now() + rnd(9))) \
    X(MAKES, tls_attach_client, once(2) ? tls_attach_client(handle(), deadline()) : \
        tls_attach_client_mem(handle(), MEM(tls_storage), deadline())) \
    X(MAKES, tls_attach_client_verify, once(2) ? \
        tls_attach_client_verify(handle(), text(), file(), deadline()) : \
        tls_attach_client_verify_mem(handle(), "localhost", CA, MEM(tls_storage), deadline())) \
    X(MAKES, tls_attach_server, once(2) ? tls_attach_server(handle(), file(), file(), deadline()) : \
        tls_attach_server_mem(handle(), CERT, KEY, MEM(tls_storage), deadline())) \
    X(MAKES, tls_attach_server_verify, once(2) ? \
        tls_attach_server_verify(handle(), CERT, KEY, file(), deadline()) : \
        tls_attach_server_verify_mem(handle(), CERT, KEY, CA, MEM(tls_storage), deadline())) \
    X(PLAIN, tls_done, tls_done(handle(), deadline())) \
    X(MAKES, tls_detach, tls_detach(handle(), deadline())) \
    X(MAKES, http_attach, http_attach(handle())) \
    X(MAKES, http_attach_mem, http_attach_mem(handle(), MEM(http_storage))) \
    X(PLAIN, http_done, http_done(handle(), deadline())) \
    X(MAKES, http_detach, http_detach(handle(), deadline())) \
    X(PLAIN, http_sendrequest, http_sendrequest(handle(), text(), text(), deadline())) \
    X(PLAIN, http_recvrequest, http_recvrequest(handle(), buffer(), length(), buffer(), \
        length(), deadline())) \
    X(PLAIN, http_sendstatus, http_sendstatus(handle(), (int)rnd(1100) - 50, text(), deadline())) \
    X(PLAIN, http_recvstatus, http_recvstatus(handle(), buffer(), length(), deadline())) \
    X(PLAIN, http_sendfield, http_sendfield(handle(), text(), text(), deadline())) \
    X(PLAIN, http_recvfield, http_recvfield(handle(), buffer(), length(), buffer(), \
        length(), deadline())) \
    X(PLAIN, http_sendbody, http_sendbody(handle(), buffer(), length(), deadline())) \
    X(PLAIN, http_donebody, http_donebody(handle(), deadline())) \
    X(PLAIN, http_recvbody, http_recvbody(handle(), buffer(), length(), deadline())) \
    X(MAKES, ws_attach_client, ws_attach_client(handle(), (int)rnd(5), text(), text(), deadline())) \
    X(MAKES, ws_attach_client_mem, ws_attach_client_mem(handle(), WS_NOHTTP, text(), text(), \
        MEM(ws_storage), deadline())) \
    X(MAKES, ws_attach_server, ws_attach_server(handle(), (int)rnd(5), buffer(), length(), \
        buffer(), length(), deadline())) \
    X(MAKES, ws_attach_server_mem, ws_attach_server_mem(handle(), WS_NOHTTP, buffer(), \
        length(), buffer(), length(), MEM(ws_storage), deadline())) \
    X(PLAIN, ws_send, ws_send(handle(), (int)rnd(3), buffer(), length(), deadline())) \
    X(PLAIN, ws_recv, ws_recv(handle(), memory(sizeof(int)), buffer(), length(), deadline())) \
    X(PLAIN, ws_sendl, ws_sendl(handle(), (int)rnd(3), first, last, deadline())) \
    X(PLAIN, ws_recvl, ws_recvl(handle(), NULL, first, last, deadline())) \
    X(PLAIN, ws_done, ws_done(handle(), (int)rnd(5000) - 1, buffer(), rnd(130), deadline())) \
    X(MAKES, ws_detach, ws_detach(handle(), (int)rnd(5000), buffer(), rnd(130), deadline())) \
    X(PLAIN, ws_status, ws_status(handle(), memory(sizeof(int)), buffer(), length())) \
    X(PLAIN, ws_request_key, ws_request_key(once(9) ? NULL : memory(WS_KEY_SIZE))) \
    X(PLAIN, ws_response_key, ws_response_key(text(), once(9) ? NULL : memory(WS_KEY_SIZE))) \
    X(PLAIN, socks5_client_connect, socks5_client_connect(handle(), text(), text(), \
        address(), deadline())) \
    X(PLAIN, socks5_client_connectbyname, socks5_client_connectbyname(handle(), text(), text(), \
        text(), (int)rnd(70000), deadline())) \
    X(PLAIN, socks5_proxy_auth, socks5_proxy_auth(handle(), once(2) ? NULL : approve, deadline())) \
    X(PLAIN, socks5_proxy_recvcommand, socks5_proxy_recvcommand(handle(), MEM(ipaddr), deadline())) \
    X(PLAIN, socks5_proxy_recvcommandbyname, socks5_proxy_recvcommandbyname(handle(), \
        once(9) ? NULL : memory(256), memory(sizeof(int)), deadline())) \
    X(PLAIN, socks5_proxy_sendreply, socks5_proxy_sendreply(handle(), (int)rnd(12), address(), \
        deadline())) \
    X(PLAIN, both_ends, both_ends()) \
    X(PLAIN, two_ends, both_ends()) \
    X(PLAIN, conversation, conversation()) \
    X(PLAIN, raise, usual_signal())

enum {
#define X(kind, name, expr) ID_##name,
    CALLS_OF(X)
#undef X
    NCALLS
};

static const char *const names[] = {
#define X(kind, name, expr) #name,
    CALLS_OF(X)
#undef X
};

static int starts(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static int has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

/* Does the handle that the function takes stand for nothing any more when it succeeds? */
static int takes_over_handle(const char *f) {
    return has(f, "close") || has(f, "attach") || has(f, "detach") || starts(f, "hown") ||
        starts(f, "bundle_cancel");
}

/* The letter of an object's kind from the name of a function that makes it, or 's' for
   any byte stream. */
static char made_by(const char *f) {
    if(has(f, "listen")) return starts(f, "tcp") ? 'L' : 'l';
    if(has(f, "detach")) return 't';
    if(has(f, "signal") || starts(f, "ch") || starts(f, "sigchan")) return 'c';
    if(starts(f, "bundle") || starts(f, "go")) return 'b';
    return has(f, "tcp") || has(f, "happy") ? 't' : starts(f, "ipc") ? 'i' :
        starts(f, "udp") ? 'u' : starts(f, "tls") ? 'T' : starts(f, "http") ? 'h' :
        starts(f, "ws") ? 'w' : starts(f, "prefix") ? 'p' : starts(f, "suffix") ? 'S' :
        starts(f, "term") ? 'e' : 'x';
}

/* The same for what a function takes. */
static char taken_by(const char *f) {
    if(has(f, "attach"))
        /* Terminal messages go over message sockets. */
        return starts(f, "term") ? (once(2) ? 'p' : 'S') : 's';
    if(has(f, "accept")) return starts(f, "tcp") ? 'L' : 'l';
    if(starts(f, "bsend") || starts(f, "brecv") || starts(f, "socks5")) return 's';
    if(starts(f, "msend") || starts(f, "mrecv")) return "pSewu"[rnd(5)];
    if(has(f, "detach") || has(f, "done")) return made_by(has(f, "chdone") ? "ch" : f) == 't' ?
        (starts(f, "tls") ? 'T' : starts(f, "http") ? 'h' : starts(f, "ws") ? 'w' :
        starts(f, "prefix") ? 'p' : starts(f, "suffix") ? 'S' : starts(f, "term") ? 'e' : 't') :
        made_by(f);
    if(starts(f, "choose")) return "cbti"[rnd(4)];
    return made_by(f);
}

#endif
