/* How a result is reported: for people, and in files for c-tests/run: "results" has "ok", "FAIL" or
   "skip" on a line for each, and "cases.xml" the elements of which it makes junit.xml. For tests.c
   and report.c. Nothing here allocates memory, as programs with allocators of their own use it. */

#ifndef REPORT_H_INCLUDED
#define REPORT_H_INCLUDED

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of an output at most so much is shown: its end, which is where a failing test says why. */
#define SHOWN_LINES 40
#define SHOWN_BYTES 8192

struct report {
    const char *result;     /* "ok", "FAIL" or "skip" */
    const char *program;
    const char *test;       /* or NULL where the program is one test */
    const char *settings;   /* how the program was built, or NULL */
    const char *reason;     /* of a failure or a skip, one line */
    double seconds;
    const char *output;     /* its end */
    size_t len;
    long left_out;          /* lines of it that come before */
};

static char report_output_[SHOWN_BYTES];

/* Reads the end of a file. */
static void report_output(struct report *report, int fd) {
    static char block[65536];
    long lines = 0, shown = 0;
    off_t size = 0;
    ssize_t n;
    while((n = pread(fd, block, sizeof(block), size)) > 0) {
        for(ssize_t i = 0; i != n; ++i) lines += block[i] == '\n';
        size += n;
    }
    off_t start = size > SHOWN_BYTES ? size - SHOWN_BYTES : 0;
    n = pread(fd, report_output_, SHOWN_BYTES, start);
    if(n < 0) n = 0;
    const char *end = report_output_ + n, *begin = end;
    /* Line by line backwards; a line that is longer than all may begin in the middle. */
    while(begin != report_output_ && shown != SHOWN_LINES) {
        const char *line = begin - 1;
        while(line != report_output_ && line[-1] != '\n') --line;
        if(line == report_output_ && start > 0 && shown > 0) break;
        begin = line;
        ++shown;
    }
    if(n > 0 && end[-1] != '\n') ++lines;
    report->output = begin;
    report->len = (size_t)(end - begin);
    report->left_out = lines - shown;
}

/* A file that is written with one call, so that those of several processes don't mix. */
struct report_text {
    char text[4 * SHOWN_BYTES + 16384];
    size_t len;
};

static void report_add(struct report_text *to, const char *text, size_t len) {
    if(len > sizeof(to->text) - to->len) len = sizeof(to->text) - to->len;
    memcpy(to->text + to->len, text, len);
    to->len += len;
}

static void report_string(struct report_text *to, const char *text) {
    report_add(to, text, strlen(text));
}

/* The length of the character of UTF-8 that `text` begins with, if XML may have it, or 0. */
static size_t report_character(const unsigned char *text, size_t len) {
    unsigned c = text[0];
    size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 :
        c >= 0xf0 && c < 0xf5 ? 4 : 0;
    if(n == 0 || n > len) return 0;
    unsigned code = n == 1 ? c : c & (0xffu >> (n + 1));
    for(size_t i = 1; i != n; ++i) {
        if((text[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    if(n == 1) return code == '\t' || code == '\n' || (code >= ' ' && code != 0x7f);
    if(n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000) || code >= 0xfffe)) return 0;
    if(n == 4 && (code < 0x10000 || code > 0x10ffff)) return 0;
    return n;
}

/* Adds text of any bytes; those that XML can't have as \xHH. */
static void report_escaped(struct report_text *to, const char *text, size_t len) {
    for(size_t i = 0; i < len;) {
        size_t n = report_character((const unsigned char*)text + i, len - i);
        char hex[8];
        if(n == 0) {
            snprintf(hex, sizeof(hex), "\\x%02x", (unsigned char)text[i]);
            report_string(to, hex);
            n = 1;
        }
        else if(text[i] == '&') report_string(to, "&amp;");
        else if(text[i] == '<') report_string(to, "&lt;");
        else if(text[i] == '>') report_string(to, "&gt;");
        else if(text[i] == '"') report_string(to, "&quot;");
        else report_add(to, text + i, n);
        i += n;
    }
}

static void report_append(const char *directory, const char *name, const char *text, size_t len) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if(fd < 0 || write(fd, text, len) != (ssize_t)len) perror(path);
    if(fd >= 0) close(fd);
}

/* Writes the result to the files in the directory. */
static void report_record(const char *directory, const struct report *report) {
    static struct report_text to;
    char text[64];
    to.len = 0;
    report_string(&to, "<testcase classname=\"");
    report_escaped(&to, report->program, strlen(report->program));
    if(report->settings) {
        report_string(&to, " [");
        report_escaped(&to, report->settings, strlen(report->settings));
        report_string(&to, "]");
    }
    report_string(&to, "\" name=\"");
    const char *name = report->test ? report->test : report->program;
    report_escaped(&to, name, strlen(name));
    snprintf(text, sizeof(text), "\" time=\"%.3f\">", report->seconds);
    report_string(&to, text);
    if(strcmp(report->result, "ok") != 0) {
        int failed = strcmp(report->result, "FAIL") == 0;
        report_string(&to, failed ? "<failure message=\"" : "<skipped message=\"");
        report_escaped(&to, report->reason, strlen(report->reason));
        report_string(&to, "\">");
        if(failed) {
            if(report->left_out) {
                snprintf(text, sizeof(text), "[%ld lines are left out]\n", report->left_out);
                report_string(&to, text);
            }
            report_escaped(&to, report->output, report->len);
        }
        report_string(&to, failed ? "</failure>" : "</skipped>");
    }
    report_string(&to, "</testcase>\n");
    report_append(directory, "cases.xml", to.text, to.len);
    snprintf(text, sizeof(text), "%s\n", report->result);
    report_append(directory, "results", text, strlen(text));
}

/* Prints the result: one line, and after a failure the output, each line behind a bar. */
static void report_print(const struct report *report) {
    printf("%-4s %s", report->result, report->program);
    if(report->test) printf(".%s", report->test);
    if(report->settings) printf(" [%s]", report->settings);
    if(report->reason && report->reason[0]) printf(": %s", report->reason);
    printf("\n");
    if(strcmp(report->result, "FAIL") == 0) {
        if(report->left_out) printf("     | [%ld lines are left out]\n", report->left_out);
        for(size_t i = 0; i < report->len;) {
            const char *line = report->output + i;
            const char *end = (const char*)memchr(line, '\n', report->len - i);
            size_t len = end ? (size_t)(end - line) : report->len - i;
            printf("     | ");
            fwrite(line, 1, len, stdout);
            printf("\n");
            i += len + 1;
        }
    }
    fflush(stdout);
}

/* Finds the last line of the output: of those that an assertion has written, if there is one.
   Returns whether there is. */
static int report_last_line(const struct report *report, char *line, size_t size, int asserted) {
    size_t end = report->len;
    while(end > 0) {
        size_t start, len;
        while(end > 0 && report->output[end - 1] == '\n') --end;
        for(start = end; start > 0 && report->output[start - 1] != '\n';) --start;
        len = end - start;
        if(len >= size) len = size - 1;
        memcpy(line, report->output + start, len);
        line[len] = 0;
        /* FILE.c:LINE: text */
        size_t name = strcspn(line, ": "), digits = 0;
        if(line[name] == ':') digits = strspn(line + name + 1, "0123456789");
        int is_assertion = digits > 0 && line[name + 1 + digits] == ':' && name > 2 &&
            memchr(line, '.', name) != NULL;
        if(len > 0 && (!asserted || is_assertion)) return 1;
        end = start;
    }
    return 0;
}

#endif
