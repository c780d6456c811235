/* RFC 6455 as tables (ws_frames.h): what a peer sends, and what the receiver makes of it. Each
   script is sent in one piece and cut into single bytes. */

#include "net.h"
#include "ws_frames.h"

/* Which end is under test. */
ALL_TESTS(BOTH_POLLERS, VARIANTS("client server"))

/* What a script or an expectation stands for. */
struct bytes {
    unsigned char *data;
    size_t len;
    size_t room;
};

static void put(struct bytes *b, const void *data, size_t len) {
    if(b->len + len > b->room) {
        b->room = (b->len + len) * 2;
        b->data = realloc(b->data, b->room);
        CHECK(b->data);
    }
    if(len) memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void put_byte(struct bytes *b, int byte) {
    unsigned char c = (unsigned char)byte;
    put(b, &c, 1);
}

static int hex(const char **text) {
    char digits[3] = {(*text)[0], (*text)[1], 0};
    *text += 2;
    return (int)strtol(digits, NULL, 16);
}

/* Reads "(...)": the payload. */
static void payload(const char **text, struct bytes *out) {
    CHECK_INT(*(*text)++, '(');
    out->len = 0;
    while(**text != ')') {
        int byte;
        if(**text == '\\') {
            (*text)++;
            byte = hex(text);
        } else {
            byte = (unsigned char)*(*text)++;
        }
        long count = 1;
        if(**text == '*') {
            char *end;
            count = strtol(*text + 1, &end, 10);
            *text = end;
        }
        while(count--) put_byte(out, byte);
    }
    (*text)++;
}

static const unsigned char mask[4] = {0x11, 0x00, 0xEE, 0x7F};

static void put_frame(struct bytes *out, int first, const struct bytes *data, int width,
        int masked) {
    put_byte(out, first);
    int bit = masked ? 0x80 : 0;
    if(!width) width = data->len > 65535 ? 8 : data->len > 125 ? 2 : 1;
    if(width == 1) put_byte(out, bit | (int)data->len);
    else put_byte(out, bit | (width == 2 ? 126 : 127));
    for(int i = width; width > 1 && i; i--)
        put_byte(out, (int)(data->len >> (8 * (i - 1)) & 0xFF));
    if(masked) put(out, mask, 4);
    for(size_t i = 0; i != data->len; i++)
        put_byte(out, data->data[i] ^ (masked ? mask[i % 4] : 0));
}

static void compile(const char *script, int masked, struct bytes *out) {
    static const char kinds[] = "CTB.....XPO";
    struct bytes data = {NULL, 0, 0};
    while(*script) {
        int width = 0, set = 0, wrong = 0;
        if(*script == '[') {
            script++;
            while(*script != ']') put_byte(out, hex(&script));
            script++;
            continue;
        }
        for(;; ) {
            if(*script == '#') {
                width = script[1] == '1' ? 2 : 8;
                script += 3;
            } else if(*script == '~') {
                wrong = 1;
                script++;
            } else if(*script == '!') {
                script++;
                set = hex(&script);
            } else {
                break;
            }
        }
        int fin = *script >= 'A' && *script <= 'Z' ? 0x80 : 0;
        const char *kind = strchr(kinds, fin ? *script : *script - 'a' + 'A');
        CHECK(kind);
        script++;
        payload(&script, &data);
        put_frame(out, fin | set | (int)(kind - kinds), &data, width, masked ^ wrong);
    }
    free(data.data);
}

/* Sends the script's bytes, at once or one by one, and then the end of the stream. */
static coroutine void play(int s, const struct bytes *script, size_t step) {
    for(size_t at = 0; at < script->len; at += step) {
        size_t len = script->len - at < step ? script->len - at : step;
        /* The other side may have had enough. */
        if(bsend(s, script->data + at, len, -1) < 0) return;
        if(step == 1) CHECK_OK(yield());
    }
    (void)tcp_done(s, -1);
}

static const char *error_name(int error) {
    switch(error) {
        case EPROTO: return "EPROTO";
        case EILSEQ: return "EILSEQ";
        case EMSGSIZE: return "EMSGSIZE";
        case ECONNRESET: return "ECONNRESET";
        default: return "another error";
    }
}

static int error_status(int error) {
    return error == EPROTO ? 1002 : error == EILSEQ ? 1007 : error == EMSGSIZE ? 1009 : 0;
}

#define ROOM (1 << 20)

static void check_pong(int s, const struct bytes *data, int masked) {
    unsigned char head[2], key[4] = {0, 0, 0, 0}, seen[125];
    CHECK_OK(brecv(s, head, 2, -1));
    CHECK_INT(head[0], 0x8A);
    CHECK_INT(head[1], (int)data->len | (masked ? 0x80 : 0));
    if(masked) CHECK_OK(brecv(s, key, 4, -1));
    CHECK_OK(brecv(s, seen, data->len, -1));
    for(size_t i = 0; i != data->len; i++)
        CHECK_INT(seen[i] ^ key[i % 4], data->data[i]);
}

/* Receives the pongs that the socket has sent, as the expectation says. */
static void check_pongs(int s, struct bytes *pongs, int *count, int masked) {
    for(int i = 0; i != *count; i++) {
        check_pong(s, &pongs[i], masked);
        free(pongs[i].data);
    }
    *count = 0;
}

static void run(const struct script *script, int server, size_t step) {
    int p[2];
    tcp_pair(p);
    int s = server ? ws_attach_server(p[0], WS_NOHTTP, NULL, 0, NULL, 0, -1)
                   : ws_attach_client(p[0], WS_NOHTTP, NULL, NULL, -1);
    CHECK_HANDLE(s);
    struct bytes sent = {NULL, 0, 0}, data = {NULL, 0, 0};
    compile(script->sent, server, &sent);
    int player = go(play(p[1], &sent, step));
    CHECK_HANDLE(player);
    char *buf = malloc(ROOM);
    CHECK(buf);
    const char *expected = script->expected;
    struct bytes pongs[16];
    int npongs = 0;
    while(*expected) {
        int kind = *expected;
        if(kind == 'p') {
            expected++;
            CHECK(npongs < 16);
            pongs[npongs] = (struct bytes){NULL, 0, 0};
            payload(&expected, &pongs[npongs++]);
            continue;
        }
        int flags = -1;
        ssize_t len = ws_recv(s, &flags, buf, ROOM, -1);
        if(kind == 't' || kind == 'b') {
            expected++;
            payload(&expected, &data);
            CHECK_INT(len, (long long)data.len);
            CHECK_INT(flags, kind == 't' ? WS_TEXT : WS_BINARY);
            CHECK(memcmp(buf, data.data, data.len) == 0 || data.len == 0);
        } else if(kind == 'x') {
            CHECK(len == -1 && errno == EPIPE);
            int status = -1;
            char reason[123];
            ssize_t rlen = ws_status(s, &status, reason, sizeof(reason));
            CHECK_INT(status, strtol(expected + 2, NULL, 10));
            /* "x(STATUS,REASON)": as a payload, from before the reason on. */
            char text[64] = "(";
            const char *comma = strchr(expected, ',');
            CHECK(comma && strlen(comma) < sizeof(text) - 1);
            strcat(text, comma + 1);
            const char *at = text;
            payload(&at, &data);
            CHECK_INT(rlen, (long long)data.len);
            CHECK(data.len == 0 || memcmp(reason, data.data, data.len) == 0);
            expected += strlen(expected);
            CHECK_ERR(ws_recv(s, NULL, buf, ROOM, -1), EPIPE);
        } else {
            int error = errno;
            CHECK_INT(len, -1);
            CHECK_STR(error_name(error), expected);
            expected += strlen(expected);
            CHECK_ERR(ws_recv(s, NULL, buf, ROOM, -1), ECONNRESET);
            CHECK_ERR(ws_status(s, NULL, NULL, 0), EAGAIN);
            check_pongs(p[1], pongs, &npongs, !server);
            /* The peer can still be told why. */
            CHECK_OK(ws_done(s, 0, NULL, 0, -1));
            unsigned char head[8] = {0};
            int status = error_status(error), masked = !server;
            CHECK_OK(brecv(p[1], head, (size_t)(2 + 4 * masked + (status ? 2 : 0)), -1));
            CHECK_INT(head[0], 0x88);
            if(status) {
                int shift = 2 + 4 * masked;
                int high = head[shift] ^ (masked ? head[2] : 0);
                int low = head[shift + 1] ^ (masked ? head[3] : 0);
                CHECK_INT(high << 8 | low, status);
            }
        }
    }
    check_pongs(p[1], pongs, &npongs, !server);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(player));
    CHECK_OK(hclose(p[1]));
    free(buf);
    free(sent.data);
    free(data.data);
}

static void run_all(const struct script *scripts, size_t count) {
    int server = variant();
    for(size_t i = 0; i != count; i++) {
        const struct script *script = &scripts[i];
        if(script->role == (server ? CLIENT : SERVER)) continue;
        about("%s", script->name);
        run(script, server, 1 << 24);
        if(strlen(script->sent) >= 100 || strstr(script->sent, "000)")
            || strstr(script->sent, "*65")) continue;
        about("%s, in single bytes", script->name);
        run(script, server, 1);
    }
}

#define GROUP(name)\
    TEST(name) {\
        run_all(name##_scripts, sizeof(name##_scripts) / sizeof(name##_scripts[0]));\
    }

GROUP(payload_lengths)
GROUP(pings_and_pongs)
GROUP(reserved_bits)
GROUP(opcodes)
GROUP(fragmentation)
GROUP(text)
GROUP(end_of_stream)
GROUP(masks)
