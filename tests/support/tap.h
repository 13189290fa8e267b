/*
 * tap - stands between an HTTP client and its server, passes everything on, and keeps every request as it was sent.
 *
 * What a simulator tells about a request went through the simulator's own parsing.  Here is the request itself: its
 * head byte by byte, and its form taken apart by code that is neither the client's nor the server's.
 */
#ifndef BH_TESTS_TAP_H
#define BH_TESTS_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bh_tap;

struct bh_tap_request {
    char *head; /* request line and headers, NUL-terminated */
    char *body; /* NUL-terminated */
    size_t body_len;
    long long at_ms; /* monotonic, when it was complete */
    long long at_us; /* the same moment, unix time */
    struct bh_tap_request *next;
};

/* Listens on a free port of 127.0.0.1.  Ends the program when it cannot. */
struct bh_tap *bh_tap_start(uint16_t upstream_port);
uint16_t bh_tap_port(const struct bh_tap *tap);
void bh_tap_stop(struct bh_tap *tap);

/*
 * The `nth` request (from 0) whose form has `name` with the value `value`; NULL when there is none (yet).
 * `name` NULL: any request.  What is returned stays until bh_tap_stop.
 */
const struct bh_tap_request *bh_tap_find(struct bh_tap *tap, const char *name, const char *value,
                                         unsigned nth);
unsigned bh_tap_count(struct bh_tap *tap, const char *name, const char *value);

/*
 * The decoded value of a field of the form, malloc'ed; NULL when there is none.  `ret_count` (may be NULL): how often the field
 * stands there.
 */
char *bh_tap_form(const struct bh_tap_request *request, const char *name, unsigned *ret_count);

/* How many fields the form has. */
unsigned bh_tap_form_size(const struct bh_tap_request *request);

/* A header's value, malloc'ed, its name in any case; NULL when there is none. */
char *bh_tap_header(const struct bh_tap_request *request, const char *name);

#endif
