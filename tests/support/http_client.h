/*
 * http_client - a tiny blocking HTTP/1.1 client that sees what a library would hide.
 *
 * It tells FIN from RST, a cut answer from a whole one, and never retries, follows or reconnects.
 */
#ifndef BH_TESTS_SUPPORT_HTTP_CLIENT_H
#define BH_TESTS_SUPPORT_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define BH_TEST_HTTP_HEAD_MAX 16384
#define BH_TEST_HTTP_BODY_MAX (512u * 1024)

enum bh_test_http_end {
    BH_TEST_HTTP_WHOLE,    /* a complete response */
    BH_TEST_HTTP_CLOSED,   /* FIN before the first byte */
    BH_TEST_HTTP_RESET,    /* RST, at whatever point */
    BH_TEST_HTTP_CUT_HEAD, /* FIN inside the headers */
    BH_TEST_HTTP_CUT_BODY, /* FIN inside the body, its length or chunks being known */
    BH_TEST_HTTP_GARBAGE,  /* not HTTP, or a bad chunk */
    BH_TEST_HTTP_SILENT,   /* the time is up */
    BH_TEST_HTTP_TOO_LONG, /* more than BH_TEST_HTTP_BODY_MAX */
};

struct bh_test_http {
    enum bh_test_http_end end;
    int status;  /* of the final response; 0 when its head is not complete */
    int interim; /* how many 1xx responses came first */
    bool chunked;
    bool close_announced; /* "Connection: close" */
    char *head;           /* NUL-terminated */
    char *body;           /* decoded, NUL-terminated */
    size_t body_len;
};

/* A connected socket, or -1.  Reads on it give up after `timeout_ms`. */
int bh_test_http_connect(int port, int timeout_ms);
int bh_test_http_connect_unix(const char *path, int timeout_ms);

bool bh_test_http_send(int fd, const char *bytes, size_t len);

/* Read exactly one response; bytes of the next one stay in the socket.  Release it afterwards. */
void bh_test_http_read(int fd, struct bh_test_http *ret_response);
void bh_test_http_release(struct bh_test_http *response);

/* Wait for the end of the connection: 'F' FIN, 'R' RST, 'T' time is up, 'D' data came instead. */
char bh_test_http_wait_end(int fd);

/*
 * One request on its own connection.  `headers` are complete lines with CR LF, or NULL; `body` NULL means
 * none.  Host and Content-Length are added.
 */
void bh_test_http_call(int port, const char *method, const char *target, const char *headers,
                       const char *body, struct bh_test_http *ret_response);

/* The same on an open connection that stays open. */
void bh_test_http_call_on(int fd, const char *method, const char *target, const char *headers,
                          const char *body, struct bh_test_http *ret_response);

/* A header's value in `head`, or NULL; valid until the next call. */
const char *bh_test_http_header(const struct bh_test_http *response, const char *name);

/* `text` against a pattern in which * stands for any run of characters. */
bool bh_test_matches(const char *pattern, const char *text);

const char *bh_test_http_end_name(enum bh_test_http_end end);

#endif
