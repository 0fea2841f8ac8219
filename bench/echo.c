/* The limit that line servers are held against: one process, epoll, no work.

   echo PORT ANSWER [GREETING]

   Sends each client the greeting, answers each line with ANSWER and a line end, all lines of a read with one write, and knows
   nothing of slow clients, of time limits or of an end. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

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
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
        perror("echo");
        return 1;
    }
    int poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int n = 0; n < ready; n++) {
            int fd = events[n].data.fd;
            if (fd == listener) {
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                    if (*greeting) send(fd, greeting, strlen(greeting), MSG_NOSIGNAL);
                    event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
                    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
                }
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
