/* The limit that line servers are held against: one process, epoll, no work.

   echo PORT ANSWER [GREETING]

   Sends each client the greeting, answers each line with ANSWER and a line end, all lines of a read with one write, and knows
   nothing of slow clients, of time limits or of an end. */

#include "listening.h"

enum { READ_BYTES = 16 * 1024, EVENTS = 1024, ANSWER_BYTES_MAX = 64 };

int main(int argc, char **argv) {
    if (argc < 3 || strlen(argv[2]) >= ANSWER_BYTES_MAX) return 2;
    const char *greeting = argc > 3 ? argv[3] : "";
    static char in[READ_BYTES], out[READ_BYTES * ANSWER_BYTES_MAX];
    size_t answer = strlen(argv[2]) + 1;
    for (size_t n = 0; n < READ_BYTES; n++) {
        memcpy(out + n * answer, argv[2], answer - 1);
        out[n * answer + answer - 1] = '\n';
    }
    int poller = epoll_create1(0), listener = listening(argv[1], poller);
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int n = 0; n < ready; n++) {
            int fd = events[n].data.fd;
            if (fd == listener) {
                while ((fd = let_in(listener, poller)) >= 0)
                    if (*greeting) send(fd, greeting, strlen(greeting), MSG_NOSIGNAL);
                continue;
            }
            ssize_t length = recv(fd, in, sizeof in, 0);
            size_t lines = 0;
            for (char *at = in, *end = in + (length > 0 ? length : 0);
                 (at = memchr(at, '\n', end - at)); at++)
                lines++;
            if (length <= 0 || (lines && send(fd, out, lines * answer, MSG_NOSIGNAL) < 0))
                close(fd);
        }
    }
}
