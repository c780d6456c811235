/* RFC 6455 as tables: what a peer sends, byte by byte, and what the receiver makes of it. For
   ws_frames.c. */

#ifndef WS_FRAMES_H_INCLUDED
#define WS_FRAMES_H_INCLUDED

/* Which end is under test. A server's peer masks its frames, a client's doesn't. */
enum role { SERVER, CLIENT, BOTH };

/* A script of frames, one after another:
     T B C P O X   text, binary, continuation, ping, pong, close; a small letter stands
                   for a frame that is not the last one of its message
     #16 #64       before it: the length is written in 2 or 8 bytes
     ~             before it: masked although it shouldn't be, or not although it should
     !HH           before it: bits to be set in the first byte
     (...)         the payload; \HH is a byte in hexadecimal, *N repeats the one before
   and [...] are raw bytes in hexadecimal.
   Expected: t(...) and b(...) for messages, x(STATUS,REASON) for the end of the stream,
   or the name of an error; then what the receiver has sent back, p(...) for a pong. */
struct script {
    const char *name;
    const char *sent;
    const char *expected;
    enum role role;
};

static const struct script payload_lengths_scripts[] = {
    {"1.1.1 empty text", "T()", "t()", BOTH},
    {"1.1.2 text of 125", "T(a*125)", "t(a*125)", BOTH},
    {"1.1.3 text of 126", "T(a*126)", "t(a*126)", BOTH},
    {"1.1.4 text of 127", "T(a*127)", "t(a*127)", BOTH},
    {"1.1.5 text of 128", "T(a*128)", "t(a*128)", BOTH},
    {"1.1.6 text of 65535", "T(a*65535)", "t(a*65535)", BOTH},
    {"1.1.7 text of 65536", "T(a*65536)", "t(a*65536)", BOTH},
    {"1.2.1 empty binary", "B()", "b()", BOTH},
    {"1.2.2 binary of 125", "B(\\FE*125)", "b(\\FE*125)", BOTH},
    {"1.2.3 binary of 126", "B(\\FE*126)", "b(\\FE*126)", BOTH},
    {"1.2.4 binary of 127", "B(\\FE*127)", "b(\\FE*127)", BOTH},
    {"1.2.5 binary of 128", "B(\\FE*128)", "b(\\FE*128)", BOTH},
    {"1.2.6 binary of 65535", "B(\\FE*65535)", "b(\\FE*65535)", BOTH},
    {"1.2.7 binary of 65536", "B(\\FE*65536)", "b(\\FE*65536)", BOTH},
    {"1.3.1 one message after another", "T(a)B(b)T()T(cd)", "t(a)b(b)t()t(cd)", BOTH},
    {"1.4.1 length in 2 bytes though 1 would do", "#16T(a*125)", "EPROTO", BOTH},
    {"1.4.2 length in 8 bytes though 1 would do", "#64T(a)", "EPROTO", BOTH},
    {"1.4.3 length in 8 bytes though 2 would do", "#64B(a*65535)", "EPROTO", BOTH},
    {"1.4.4 negative length", "[827F8000000000000000]", "EPROTO", CLIENT},
    {"1.4.5 all bits of the length", "[827FFFFFFFFFFFFFFFFF]", "EPROTO", CLIENT},
    {"1.4.6 length beyond all memory", "[827F7FFFFFFFFFFFFFFF]", "EMSGSIZE", CLIENT},
    {"1.4.7 length beyond the buffer", "[827F0000000000100001]", "EMSGSIZE", CLIENT},
    {"1.4.8 fragments beyond the buffer", "b(a*600000)C(a*600000)", "EMSGSIZE", BOTH},
    {"1.4.9 lengths that would overflow", "b(a)[807F7FFFFFFFFFFFFFFF]", "EMSGSIZE", CLIENT},
};

static const struct script pings_and_pongs_scripts[] = {
    {"2.1 empty ping", "P()T(x)", "p()t(x)", BOTH},
    {"2.2 ping with text", "P(Hello)T(x)", "p(Hello)t(x)", BOTH},
    {"2.3 ping with binary payload", "P(\\00\\FF\\FE\\FD\\00)T(x)", "p(\\00\\FF\\FE\\FD\\00)t(x)",
        BOTH},
    {"2.4 ping of 125", "P(\\FE*125)T(x)", "p(\\FE*125)t(x)", BOTH},
    {"2.5 ping of 126", "P(\\FE*126)", "EPROTO", BOTH},
    {"2.6 ping of 0 in 2 bytes", "#16P()", "EPROTO", BOTH},
    {"2.7 pong that was not asked for", "O()T(x)", "t(x)", BOTH},
    {"2.8 pong with payload", "O(abc)T(x)", "t(x)", BOTH},
    {"2.9 pong, then ping", "O(a)P(b)T(x)", "p(b)t(x)", BOTH},
    {"2.10 ten pings", "P(0)P(1)P(2)P(3)P(4)P(5)P(6)P(7)P(8)P(9)T(x)",
        "p(0)p(1)p(2)p(3)p(4)p(5)p(6)p(7)p(8)p(9)t(x)", BOTH},
    {"2.11 pong of 126", "O(a*126)", "EPROTO", BOTH},
    {"2.12 ping that is not text", "P(\\C3\\28)T(x)", "p(\\C3\\28)t(x)", BOTH},
    {"2.13 ping after the message", "T(x)P(y)T(z)", "t(x)p(y)t(z)", BOTH},
    {"2.14 ping before the end", "P(y)X()", "p(y)x(0,)", BOTH},
};

static const struct script reserved_bits_scripts[] = {
    {"3.1 reserved bit 3", "!10T(x)", "EPROTO", BOTH},
    {"3.2 reserved bit 2", "T(a)!20T(x)", "t(a)EPROTO", BOTH},
    {"3.3 reserved bits 2 and 3", "!30T(x)", "EPROTO", BOTH},
    {"3.4 reserved bit 1", "!40T(x)", "EPROTO", BOTH},
    {"3.5 reserved bits 1 and 3 on binary", "!50B(x)", "EPROTO", BOTH},
    {"3.6 reserved bits 1 and 2 on ping", "!60P(x)", "EPROTO", BOTH},
    {"3.7 all reserved bits on close", "!70X()", "EPROTO", BOTH},
    {"3.8 reserved bit on pong", "!40O()", "EPROTO", BOTH},
    {"3.9 reserved bit on continuation", "t(a)!40C(b)", "EPROTO", BOTH},
};

static const struct script opcodes_scripts[] = {
    {"4.1.1 opcode 3", "!03B()", "EPROTO", BOTH},
    {"4.1.2 opcode 3 with payload", "!01B(x)", "EPROTO", BOTH},
    {"4.1.3 opcode 4", "T(a)!04C(b)", "t(a)EPROTO", BOTH},
    {"4.1.4 opcode 5", "!05C(b)", "EPROTO", BOTH},
    {"4.1.5 opcode 6", "!06C(b)", "EPROTO", BOTH},
    {"4.1.6 opcode 7", "!07C(b)", "EPROTO", BOTH},
    {"4.2.1 opcode 11", "!03X()", "EPROTO", BOTH},
    {"4.2.2 opcode 12", "!04X()", "EPROTO", BOTH},
    {"4.2.3 opcode 13", "T(a)!05X()", "t(a)EPROTO", BOTH},
    {"4.2.4 opcode 14", "!06X()", "EPROTO", BOTH},
    {"4.2.5 opcode 15", "!07X()", "EPROTO", BOTH},
};

static const struct script fragmentation_scripts[] = {
    {"5.1 fragmented ping", "p(a)C(b)", "EPROTO", BOTH},
    {"5.2 fragmented pong", "o(a)C(b)", "EPROTO", BOTH},
    {"5.3 text in two", "t(ab)C(cd)", "t(abcd)", BOTH},
    {"5.4 binary in two", "b(ab)C(cd)", "b(abcd)", BOTH},
    {"5.5 ping between fragments", "t(ab)P(x)C(cd)", "p(x)t(abcd)", BOTH},
    {"5.6 pong between fragments", "t(ab)O(x)C(cd)", "t(abcd)", BOTH},
    {"5.7 fragments without content", "t()c()c()C()", "t()", BOTH},
    {"5.8 only the middle has content", "t()c(ab)C()", "t(ab)", BOTH},
    {"5.9 continuation of nothing, last", "C(ab)", "EPROTO", BOTH},
    {"5.10 continuation of nothing, not last", "c(ab)T(x)", "EPROTO", BOTH},
    {"5.11 continuation after a whole message", "T(a)C(b)", "t(a)EPROTO", BOTH},
    {"5.12 continuation after the last fragment", "t(a)C(b)C(c)", "t(ab)EPROTO", BOTH},
    {"5.13 text within a message", "t(a)T(b)", "EPROTO", BOTH},
    {"5.14 binary within a text", "t(a)B(b)", "EPROTO", BOTH},
    {"5.15 new fragmented message within another", "t(a)t(b)", "EPROTO", BOTH},
    {"5.16 five fragments", "t(1)c(2)c(3)c(4)C(5)", "t(12345)", BOTH},
    {"5.17 pings between all fragments", "t(1)P(a)c(2)P(b)c(3)P(c)C(4)", "p(a)p(b)p(c)t(1234)",
        BOTH},
    {"5.18 two fragmented messages", "t(1)C(2)b(3)C(4)", "t(12)b(34)", BOTH},
    {"5.19 close within a message", "t(a)X(\\03\\E8)", "x(1000,)", BOTH},
    {"5.20 large fragments", "b(a*70000)c(a*70000)C(a*70000)", "b(a*210000)", BOTH},
    {"5.21 fragmented close", "x()", "EPROTO", BOTH},
    {"5.22 message cut off by the end", "t(ab)", "ECONNRESET", BOTH},
    {"5.23 header cut off by the end", "[81]", "ECONNRESET", BOTH},
    {"5.24 payload cut off by the end", "[8105616263]", "ECONNRESET", CLIENT},
    {"5.25 end without a close", "", "ECONNRESET", BOTH},
    {"5.26 end without a close after a message", "T(a)", "t(a)ECONNRESET", BOTH},
};

static const struct script text_scripts[] = {
    {"6.1.1 two, three and four bytes", "T(\\C2\\A9\\E2\\82\\AC\\F0\\9D\\84\\9E)",
        "t(\\C2\\A9\\E2\\82\\AC\\F0\\9D\\84\\9E)", BOTH},
    {"6.1.2 cut within a character of two", "t(a\\C2)C(\\A9b)", "t(a\\C2\\A9b)", BOTH},
    {"6.1.3 cut within a character of three", "t(\\E2)c(\\82)C(\\AC)", "t(\\E2\\82\\AC)", BOTH},
    {"6.1.4 cut everywhere in one of four", "t(\\F0)c(\\9D)c(\\84)C(\\9E)",
        "t(\\F0\\9D\\84\\9E)", BOTH},
    {"6.1.5 ping within a character", "t(\\E2\\82)P(x)C(\\AC)", "p(x)t(\\E2\\82\\AC)", BOTH},
    {"6.1.6 zero byte", "T(\\00)", "t(\\00)", BOTH},
    {"6.1.7 highest character", "T(\\F4\\8F\\BF\\BF)", "t(\\F4\\8F\\BF\\BF)", BOTH},
    {"6.1.8 noncharacter", "T(\\EF\\BF\\BF)", "t(\\EF\\BF\\BF)", BOTH},
    {"6.1.9 byte order mark", "T(\\EF\\BB\\BF)", "t(\\EF\\BB\\BF)", BOTH},
    {"6.2.1 lonely continuation", "T(\\80)", "EILSEQ", BOTH},
    {"6.2.2 missing continuation", "T(\\C2\\28)", "EILSEQ", BOTH},
    {"6.2.3 ends within a character", "T(abc\\E2\\82)", "EILSEQ", BOTH},
    {"6.2.4 last fragment ends within a character", "t(\\E2)C(\\82)", "EILSEQ", BOTH},
    {"6.2.5 overlong slash, two bytes", "T(\\C0\\AF)", "EILSEQ", BOTH},
    {"6.2.6 overlong slash, three bytes", "T(\\E0\\80\\AF)", "EILSEQ", BOTH},
    {"6.2.7 overlong slash, four bytes", "T(\\F0\\80\\80\\AF)", "EILSEQ", BOTH},
    {"6.2.8 overlong zero", "T(\\C0\\80)", "EILSEQ", BOTH},
    {"6.2.9 high surrogate", "T(\\ED\\A0\\80)", "EILSEQ", BOTH},
    {"6.2.10 low surrogate", "T(\\ED\\BF\\BF)", "EILSEQ", BOTH},
    {"6.2.11 surrogate pair", "T(\\ED\\A0\\80\\ED\\B0\\80)", "EILSEQ", BOTH},
    {"6.2.12 beyond the highest character", "T(\\F4\\90\\80\\80)", "EILSEQ", BOTH},
    {"6.2.13 five bytes", "T(\\F8\\88\\80\\80\\80)", "EILSEQ", BOTH},
    {"6.2.14 six bytes", "T(\\FC\\84\\80\\80\\80\\80)", "EILSEQ", BOTH},
    {"6.2.15 bytes that never occur", "T(\\FE)", "EILSEQ", BOTH},
    {"6.2.16 wrong in a later fragment", "t(good)c(\\C3)C(\\28)", "EILSEQ", BOTH},
    {"6.2.17 told before the message ends", "t(\\F4\\90)", "EILSEQ", BOTH},
    {"6.2.18 wrong after 65536 good bytes", "T(a*65536\\FF)", "EILSEQ", BOTH},
    {"6.2.19 binary may be anything", "B(\\C0\\80\\ED\\A0\\80\\FF)",
        "b(\\C0\\80\\ED\\A0\\80\\FF)", BOTH},
};

static const struct script end_of_stream_scripts[] = {
    {"7.1.1 close without anything", "X()", "x(0,)", BOTH},
    {"7.1.2 close with a status", "X(\\03\\E8)", "x(1000,)", BOTH},
    {"7.1.3 close with a reason", "X(\\03\\E8bye)", "x(1000,bye)", BOTH},
    {"7.1.4 reason of 123", "X(\\03\\E8a*123)", "x(1000,a*123)", BOTH},
    {"7.1.5 reason of 124", "X(\\03\\E8a*124)", "EPROTO", BOTH},
    {"7.1.6 half a status", "X(\\03)", "EPROTO", BOTH},
    {"7.1.7 reason that is no text", "X(\\03\\E8\\CE\\BA\\E1)", "EILSEQ", BOTH},
    {"7.1.8 message before", "T(a)X()", "t(a)x(0,)", BOTH},
    {"7.1.9 what comes after is not looked at", "X()T(a)P(b)", "x(0,)", BOTH},
    {"7.1.10 two closes", "X(\\03\\E8)X(\\03\\E9)", "x(1000,)", BOTH},
    {"7.2.1 going away", "X(\\03\\E9)", "x(1001,)", BOTH},
    {"7.2.2 protocol error", "X(\\03\\EA)", "x(1002,)", BOTH},
    {"7.2.3 unacceptable", "X(\\03\\EB)", "x(1003,)", BOTH},
    {"7.2.4 invalid data", "X(\\03\\EF)", "x(1007,)", BOTH},
    {"7.2.5 policy", "X(\\03\\F0)", "x(1008,)", BOTH},
    {"7.2.6 too big", "X(\\03\\F1)", "x(1009,)", BOTH},
    {"7.2.7 extension wanted", "X(\\03\\F2)", "x(1010,)", BOTH},
    {"7.2.8 internal error", "X(\\03\\F3)", "x(1011,)", BOTH},
    {"7.2.9 registered", "X(\\0B\\B8)", "x(3000,)", BOTH},
    {"7.2.10 last registered", "X(\\0F\\9F)", "x(3999,)", BOTH},
    {"7.2.11 private", "X(\\0F\\A0)", "x(4000,)", BOTH},
    {"7.2.12 last private", "X(\\13\\87)", "x(4999,)", BOTH},
    {"7.3.1 status 0", "X(\\00\\00)", "EPROTO", BOTH},
    {"7.3.2 status 999", "X(\\03\\E7)", "EPROTO", BOTH},
    {"7.3.3 status 1004", "X(\\03\\EC)", "EPROTO", BOTH},
    {"7.3.4 status 1005", "X(\\03\\ED)", "EPROTO", BOTH},
    {"7.3.5 status 1006", "X(\\03\\EE)", "EPROTO", BOTH},
    {"7.3.6 status 1015", "X(\\03\\F7)", "EPROTO", BOTH},
    {"7.3.7 status 1016", "X(\\03\\F8)", "EPROTO", BOTH},
    {"7.3.8 status 1100", "X(\\04\\4C)", "EPROTO", BOTH},
    {"7.3.9 status 2000", "X(\\07\\D0)", "EPROTO", BOTH},
    {"7.3.10 status 2999", "X(\\0B\\B7)", "EPROTO", BOTH},
    {"7.3.11 status 5000", "X(\\13\\88)", "EPROTO", BOTH},
    {"7.3.12 status 65535", "X(\\FF\\FF)", "EPROTO", BOTH},
};

static const struct script masks_scripts[] = {
    {"8.1 text masked the wrong way", "~T(a)", "EPROTO", BOTH},
    {"8.2 empty text masked the wrong way", "~T()", "EPROTO", BOTH},
    {"8.3 ping masked the wrong way", "T(a)~P(b)", "t(a)EPROTO", BOTH},
    {"8.4 close masked the wrong way", "~X()", "EPROTO", BOTH},
    {"8.5 continuation masked the wrong way", "t(a)~C(b)", "EPROTO", BOTH},
};

#endif
