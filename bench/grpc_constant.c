/* The limit that gRPC clients are held against: one process, epoll, HTTP/2 as far as one call needs it.

   grpc_constant PORT MESSAGE

   Each call whose message has ended is answered with MESSAGE, of hexadecimal digits, and status 0; all that came with one
   read, with one write. Nothing of a call is read, no window of the client's is looked at, and there is no end. */

#include "listening.h"
#include <stdint.h>

enum { READ_BYTES = 64 * 1024, WRITE_BYTES = 1024 * 1024, EVENTS = 64, FILES = 4096, MESSAGE_BYTES_MAX = 64 };
enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, HEAD_BYTES = 9, PREFACE_BYTES = 24 };

struct client {
    size_t held, skipped;
    int answered;
    uint8_t in[READ_BYTES];
};

static struct client *clients[FILES];
static uint8_t out[WRITE_BYTES], message[5 + MESSAGE_BYTES_MAX];
static size_t out_bytes, message_bytes;

static void frame(int type, int flags, uint32_t stream, const void *payload, size_t length) {
    uint8_t head[HEAD_BYTES] = {length >> 16, length >> 8, length, type, flags, stream >> 24, stream >> 16, stream >> 8, stream};
    memcpy(out + out_bytes, head, HEAD_BYTES);
    memcpy(out + out_bytes + HEAD_BYTES, payload, length);
    out_bytes += HEAD_BYTES + length;
}

/* Headers are named once to each client, and by their place in its table after that (RFC 7541). */
static void answer(struct client *to, uint32_t stream) {
    static const char named[] = "\x88\x5f\x10" "application/grpc", placed[] = "\x88\xbf";
    static const char status_named[] = "\x40\x0b" "grpc-status" "\x01" "0", status_placed[] = "\xbe";
    frame(HEADERS, END_HEADERS, stream, to->answered ? placed : named, (to->answered ? sizeof placed : sizeof named) - 1);
    frame(DATA, 0, stream, message, message_bytes);
    frame(HEADERS, END_HEADERS | END_STREAM, stream, to->answered ? status_placed : status_named,
          (to->answered ? sizeof status_placed : sizeof status_named) - 1);
    to->answered = 1;
}

/* Takes whole frames off what a client has sent. */
static void receive(struct client *from) {
    uint8_t *at = from->in, *end = from->in + from->held;
    for (; from->skipped < PREFACE_BYTES && at < end; from->skipped++) at++;
    while (end - at >= HEAD_BYTES) {
        size_t length = at[0] << 16 | at[1] << 8 | at[2];
        if ((size_t)(end - at) < HEAD_BYTES + length) break;
        uint32_t stream = (at[5] & 0x7f) << 24 | at[6] << 16 | at[7] << 8 | at[8];
        if (at[3] == DATA && at[4] & END_STREAM) answer(from, stream);
        if (at[3] == SETTINGS && !(at[4] & ACK)) frame(SETTINGS, ACK, 0, "", 0);
        if (at[3] == PING && !(at[4] & ACK)) frame(PING, ACK, 0, at + HEAD_BYTES, length);
        at += HEAD_BYTES + length;
    }
    from->held = end - at;
    memmove(from->in, at, from->held);
}

static int welcome(int fd) {
    static const uint8_t much[] = {0x7f, 0xff, 0, 0};
    if (fd >= FILES || !(clients[fd] = calloc(1, sizeof **clients))) return 0;
    frame(SETTINGS, 0, 0, "", 0);
    frame(WINDOW_UPDATE, 0, 0, much, sizeof much);
    return 1;
}

int main(int argc, char **argv) {
    size_t digits = argc > 2 ? strlen(argv[2]) : 0;
    if (!digits || digits % 2 || digits / 2 > MESSAGE_BYTES_MAX) return 2;
    message[4] = digits / 2;
    for (message_bytes = 5; digits; argv[2] += 2, digits -= 2) {
        unsigned byte;
        if (sscanf(argv[2], "%2x", &byte) != 1) return 2;
        message[message_bytes++] = byte;
    }
    int poller = epoll_create1(0), listener = listening(argv[1], poller);
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int n = 0; n < ready; n++) {
            int fd = events[n].data.fd, is_new = fd == listener;
            out_bytes = 0;
            if (is_new && (fd = let_in(listener, poller)) < 0) continue;
            int lives = is_new ? welcome(fd) : 1;
            if (!is_new) {
                struct client *from = clients[fd];
                ssize_t length = recv(fd, from->in + from->held, READ_BYTES - from->held, 0);
                if ((lives = length > 0)) {
                    from->held += length;
                    receive(from);
                }
            }
            if (lives && out_bytes) lives = send(fd, out, out_bytes, MSG_NOSIGNAL) == (ssize_t)out_bytes;
            if (!lives) {
                if (fd < FILES) free(clients[fd]), clients[fd] = NULL;
                close(fd);
            }
        }
    }
}
