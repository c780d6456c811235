/* Reports the result of what isn't a program of tests, for c-tests/run.

       report DIRECTORY RESULT PROGRAM SETTINGS SECONDS REASON [FILE]

   FILE has the output. SETTINGS and REASON may be empty. An empty reason of a failure is the last
   line of the output; or, if that is an exit status, of those before the last one that an assertion
   has written, or of any. */

#define _GNU_SOURCE
#include <stdlib.h>

#include "report.h"

int main(int argc, char **argv) {
    if(argc < 7) {
        fprintf(stderr,
            "usage: report DIRECTORY RESULT PROGRAM SETTINGS SECONDS REASON [FILE]\n");
        return 2;
    }
    char line[1000] = "";
    struct report report;
    memset(&report, 0, sizeof(report));
    report.result = argv[2];
    report.program = argv[3];
    report.settings = argv[4][0] ? argv[4] : NULL;
    report.seconds = atof(argv[5]);
    report.reason = argv[6];
    report.output = "";
    if(argc > 7) {
        int fd = open(argv[7], O_RDONLY | O_CLOEXEC);
        if(fd < 0) perror(argv[7]);
        else report_output(&report, fd);
        if(!report.reason[0] && strcmp(report.result, "ok") != 0) {
            report_last_line(&report, line, sizeof(line), 0);
            if(strncmp(line, "exit status ", 12) == 0) {
                /* What was said before tells more. */
                struct report before = report;
                while(before.len > 0 && before.output[before.len - 1] == '\n') --before.len;
                while(before.len > 0 && before.output[before.len - 1] != '\n') --before.len;
                if(!report_last_line(&before, line, sizeof(line), 1))
                    report_last_line(&before, line, sizeof(line), 0);
            }
            report.reason = line;
        }
    }
    report_print(&report);
    report_record(argv[1], &report);
    return 0;
}
