/* Asks a line server as fast as it answers, over many connections, from one core.

   load PORT CONNECTIONS IN_FLIGHT SECONDS FILE

   FILE has a request and the answer to it on each line, with a tab between them. A connection
   always has IN_FLIGHT requests that wait for their answers: for all that one read has
   brought, one write sends as many new ones. Where the file has no answers, whatever has as many
   bytes as SAME_BYTES in the environment says is one.

   Prints: answers, seconds, then p50, p99, p99.9 and the longest of how long an answer took, in
   milliseconds, and how much processor time an answer took the client, in microseconds. In how long
   answers took, the first quarter of a second does not count. Ends with 1 at the first wrong
   answer. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_FLIGHT_MAX = 64, READ_BYTES = 64 * 1024, EVENTS = 1024, LINE_BYTES_MAX = 1024 };

/* Latencies: 32 buckets for each power of two of nanoseconds, so no figure is off by over 3 %. */
enum { SUB = 32, BUCKETS = 64 * SUB };

struct text {
    const char *bytes;
    uint32_t length;
};

struct connection {
    int fd;
    uint32_t next;             /* the request that is sent next */
    uint32_t first, waiting;   /* of the ring below */
    uint32_t partial;          /* bytes of an answer that came alone */
    uint32_t greeting;         /* bytes that come before anything is asked */
    uint64_t made_at;
    char begun[LINE_BYTES_MAX];
    uint64_t sent_at[IN_FLIGHT_MAX];
    uint32_t asked[IN_FLIGHT_MAX];
};

static struct text *requests, *answers;
static uint32_t texts;
static uint64_t histogram[BUCKETS], slowest, counted, taken;
static uint64_t counts_from;
static struct sockaddr_in address = {.sin_family = AF_INET};
static uint32_t greeting_bytes, once;
static int poller;

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int bucket_of(uint64_t value) {
    if (value < SUB) return value;
    int exponent = 63 - __builtin_clzll(value);
    return (exponent - 4) * SUB + (int)((value >> (exponent - 5)) - SUB);
}

static double milliseconds_of(int bucket) {
    if (bucket < SUB) return bucket / 1e6;
    int exponent = bucket / SUB + 4;
    return (double)((uint64_t)(SUB + bucket % SUB) << (exponent - 5)) / 1e6;
}

static double percentile(double part) {
    uint64_t seen = 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram[bucket];
        if (seen > 0 && (double)seen >= part * (double)counted) return milliseconds_of(bucket);
    }
    return milliseconds_of(BUCKETS - 1);
}

static void read_file(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    const char *same = getenv("SAME_BYTES");
    uint32_t room = 0;
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, file)) > 0) {
        if (texts == room) {
            room = room ? room * 2 : 1024;
            requests = realloc(requests, room * sizeof *requests);
            answers = realloc(answers, room * sizeof *answers);
        }
        char *kept = strdup(line), *tab = memchr(kept, '\t', length);
        if (tab) {
            *tab = '\n';
            requests[texts] = (struct text){kept, tab - kept + 1};
            answers[texts] = (struct text){tab + 1, length - (tab - kept) - 1};
        } else {
            requests[texts] = (struct text){kept, length};
            answers[texts] = (struct text){NULL, same ? atoi(same) : length};
        }
        texts++;
    }
    free(line);
    fclose(file);
    if (!texts) fail("no requests");
}

static void ask(struct connection *c, uint32_t count, uint64_t at) {
    static char out[IN_FLIGHT_MAX * LINE_BYTES_MAX];
    size_t length = 0;
    for (uint32_t n = 0; n < count; n++) {
        const struct text *request = &requests[c->next];
        memcpy(out + length, request->bytes, request->length);
        length += request->length;
        uint32_t slot = (c->first + c->waiting++) % IN_FLIGHT_MAX;
        c->sent_at[slot] = at;
        c->asked[slot] = c->next;
        if (++c->next == texts) c->next = 0;
    }
    if (send(c->fd, out, length, MSG_NOSIGNAL) != (ssize_t)length) fail("send");
}

static void connect_anew(struct connection *c) {
    int yes = 1;
    c->made_at = now();
    c->greeting = greeting_bytes;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event)) fail("epoll_ctl");
}

/* Takes what has come apart into answers; gives how many. */
static uint32_t take(struct connection *c, const char *data, size_t length, uint64_t at) {
    uint32_t found = 0;
    while (length) {
        if (!c->waiting) errno = 0, fail("an answer that nobody asked for");
        const struct text *answer = &answers[c->asked[c->first]];
        size_t rest = answer->length - c->partial, part = rest < length ? rest : length;
        if (part < rest || c->partial) memcpy(c->begun + c->partial, data, part);
        const char *whole = c->partial ? c->begun : data;
        c->partial += part;
        data += part, length -= part;
        if (c->partial < answer->length) break;
        if (answer->bytes ? memcmp(whole, answer->bytes, answer->length) != 0
                          : whole[answer->length - 1] != '\n') {
            fprintf(stderr, "load: wrong: %.*s to %.*s", (int)answer->length, whole,
                    (int)requests[c->asked[c->first]].length, requests[c->asked[c->first]].bytes);
            exit(1);
        }
        c->partial = 0;
        if (at >= counts_from) {
            uint64_t took = at - c->sent_at[c->first];
            histogram[bucket_of(took)]++;
            if (took > slowest) slowest = took;
            counted++;
        }
        c->first = (c->first + 1) % IN_FLIGHT_MAX;
        c->waiting--;
        found++, taken++;
    }
    return found;
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
    if (argc != 6) return fprintf(stderr, "load PORT CONNECTIONS IN_FLIGHT SECONDS FILE\n"), 2;
    uint32_t connections = atoi(argv[2]), in_flight = atoi(argv[3]);
    if (in_flight < 1 || in_flight > IN_FLIGHT_MAX) return 2;
    read_file(argv[5]);
    if (getenv("GREETING_BYTES")) greeting_bytes = atoi(getenv("GREETING_BYTES"));
    once = getenv("ONCE") != NULL;
    address.sin_port = htons(atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct connection *all = calloc(connections, sizeof *all);
    poller = epoll_create1(0);
    for (uint32_t n = 0; n < connections; n++) {
        struct connection *c = &all[n];
        connect_anew(c);
        c->next = (uint64_t)n * texts / connections;
    }
    uint64_t begun = now();
    counts_from = begun + 250000000;
    uint64_t end = begun + (uint64_t)(atof(argv[4]) * 1e9);
    for (uint32_t n = 0; n < connections; n++)
        if (!greeting_bytes) ask(&all[n], in_flight, now());
    static struct epoll_event events[EVENTS];
    static char in[READ_BYTES];
    double cpu_before = cpu_seconds();
    uint64_t at;
    do {
        int ready = epoll_wait(poller, events, EVENTS, 1000);
        if (ready < 0) fail("epoll_wait");
        if (!ready) errno = ETIMEDOUT, fail("no answer");
        at = now();
        for (int n = 0; n < ready; n++) {
            struct connection *c = events[n].data.ptr;
            ssize_t length = recv(c->fd, in, sizeof in, 0);
            if (length <= 0) fail("the server closed");
            /* Without looking at the clock for each read: so the client is not what is measured. */
            if (c->greeting) {
                if (length > c->greeting) errno = 0, fail("more than a greeting");
                c->greeting -= length;
                if (!c->greeting) ask(c, in_flight, once ? c->made_at : at);
                continue;
            }
            uint32_t found = take(c, in, length, at);
            if (found && once) {
                close(c->fd);
                connect_anew(c);
            } else if (found) {
                ask(c, found, at);
            }
        }
    } while (at < end);
    double seconds = (double)(at - begun) / 1e9;
    printf("%lu %.6f %.4f %.4f %.4f %.4f %.3f\n", taken, seconds, percentile(0.5),
           percentile(0.99), percentile(0.999), (double)slowest / 1e6,
           (cpu_seconds() - cpu_before) / (double)taken * 1e6);
    return 0;
}
