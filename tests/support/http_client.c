#include "support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define USUAL_TIMEOUT_MS 20000

static int
connected(int fd, const struct sockaddr *address, socklen_t len, int timeout_ms)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, address, len) == 0)
        return fd;
    close(fd);
    return -1;
}

int
bh_test_http_connect(int port, int timeout_ms)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connected(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&address,
                     sizeof address, timeout_ms);
}

int
bh_test_http_connect_unix(const char *path, int timeout_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return connected(socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr *)&address,
                     sizeof address, timeout_ms);
}

bool
bh_test_http_send(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t count = send(fd, bytes, len, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        bytes += count;
        len -= (size_t)count;
    }
    return true;
}

/* One byte: 1 read, 0 FIN, -1 RST, -2 time is up.  Slow and simple: nothing is read ahead. */
static int
read_byte(int fd, char *ret_byte)
{
    ssize_t count;
    do
        count = recv(fd, ret_byte, 1, 0);
    while (count < 0 && errno == EINTR);
    if (count >= 0)
        return (int)count;
    return errno == EAGAIN || errno == EWOULDBLOCK ? -2 : -1;
}

static enum bh_test_http_end
failure(int result, enum bh_test_http_end at_fin)
{
    if (result == 0)
        return at_fin;
    return result == -1 ? BH_TEST_HTTP_RESET : BH_TEST_HTTP_SILENT;
}

/* Read up to the empty line.  False: response->end is set. */
static bool
read_head(int fd, struct bh_test_http *response)
{
    size_t len = 0;
    free(response->head);
    response->head = calloc(1, BH_TEST_HTTP_HEAD_MAX + 1);
    while (len < BH_TEST_HTTP_HEAD_MAX) {
        int result = read_byte(fd, response->head + len);
        if (result != 1) {
            bool nothing = len == 0 && response->interim == 0;
            response->end = failure(result, nothing ? BH_TEST_HTTP_CLOSED : BH_TEST_HTTP_CUT_HEAD);
            return false;
        }
        len++;
        if (len <= 7 && strncmp(response->head, "HTTP/1.", len) != 0)
            break;
        if (len >= 4 && memcmp(response->head + len - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    response->end = BH_TEST_HTTP_GARBAGE;
    return false;
}

static bool
add_byte(struct bh_test_http *response, char byte)
{
    if (response->body_len == BH_TEST_HTTP_BODY_MAX) {
        response->end = BH_TEST_HTTP_TOO_LONG;
        return false;
    }
    if ((response->body_len & (response->body_len + 1)) == 0 || response->body == NULL)
        response->body = realloc(response->body, 2 * response->body_len + 3);
    response->body[response->body_len++] = byte;
    response->body[response->body_len] = '\0';
    return true;
}

static bool
read_counted(int fd, struct bh_test_http *response, unsigned long count)
{
    for (; count > 0; count--) {
        char byte;
        int result = read_byte(fd, &byte);
        if (result != 1) {
            response->end = failure(result, BH_TEST_HTTP_CUT_BODY);
            return false;
        }
        if (!add_byte(response, byte))
            return false;
    }
    return true;
}

static bool
read_line(int fd, struct bh_test_http *response, char *line, size_t size)
{
    for (size_t len = 0; len + 1 < size; len++) {
        int result = read_byte(fd, line + len);
        if (result != 1) {
            response->end = failure(result, BH_TEST_HTTP_CUT_BODY);
            return false;
        }
        if (len > 0 && line[len - 1] == '\r' && line[len] == '\n') {
            line[len - 1] = '\0';
            return true;
        }
    }
    response->end = BH_TEST_HTTP_GARBAGE;
    return false;
}

static void
read_chunks(int fd, struct bh_test_http *response)
{
    char line[128], *end;
    for (;;) {
        if (!read_line(fd, response, line, sizeof line))
            return;
        unsigned long size = strtoul(line, &end, 16);
        if (end == line || *end != '\0') {
            response->end = BH_TEST_HTTP_GARBAGE;
            return;
        }
        if (!read_counted(fd, response, size) || !read_line(fd, response, line, sizeof line))
            return;
        if (line[0] != '\0') {
            response->end = BH_TEST_HTTP_GARBAGE;
            return;
        }
        if (size == 0)
            return;
    }
}

static void
read_to_end(int fd, struct bh_test_http *response)
{
    char byte;
    int result;
    while ((result = read_byte(fd, &byte)) == 1)
        if (!add_byte(response, byte))
            return;
    if (result != 0)
        response->end = failure(result, BH_TEST_HTTP_CUT_BODY);
}

const char *
bh_test_http_header(const struct bh_test_http *response, const char *name)
{
    static char value[1024];
    size_t len = strlen(name);
    const char *line = response->head;
    while (line != NULL && (line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        line += len + 1;
        line += strspn(line, " ");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r"), line);
        return value;
    }
    return NULL;
}

void
bh_test_http_read(int fd, struct bh_test_http *ret_response)
{
    struct bh_test_http *response = ret_response;
    *response = (struct bh_test_http){.end = BH_TEST_HTTP_WHOLE};
    response->body = calloc(1, 1);
    int status;
    do {
        if (!read_head(fd, response))
            return;
        status = (int)strtol(response->head + strlen("HTTP/1.1 "), NULL, 10);
        response->interim += status >= 100 && status < 200 ? 1 : 0;
    } while (status >= 100 && status < 200);
    response->status = status;

    const char *connection = bh_test_http_header(response, "Connection");
    response->close_announced = connection != NULL && strstr(connection, "close") != NULL;
    const char *coding = bh_test_http_header(response, "Transfer-Encoding");
    response->chunked = coding != NULL && strcmp(coding, "chunked") == 0;
    const char *length = bh_test_http_header(response, "Content-Length");
    if (response->chunked)
        read_chunks(fd, response);
    else if (length != NULL)
        read_counted(fd, response, strtoul(length, NULL, 10));
    else
        read_to_end(fd, response);
}

void
bh_test_http_release(struct bh_test_http *response)
{
    free(response->head);
    free(response->body);
    *response = (struct bh_test_http){0};
}

char
bh_test_http_wait_end(int fd)
{
    char byte;
    int result = read_byte(fd, &byte);
    return result == 1 ? 'D' : result == 0 ? 'F' : result == -1 ? 'R' : 'T';
}

void
bh_test_http_call_on(int fd, const char *method, const char *target, const char *headers,
                     const char *body, struct bh_test_http *ret_response)
{
    size_t body_len = body != NULL ? strlen(body) : 0;
    size_t size =
        strlen(method) + strlen(target) + body_len + 256 + (headers != NULL ? strlen(headers) : 0);
    char *request = malloc(size);
    int len = snprintf(request, size, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s", method, target,
                       headers != NULL ? headers : "");
    if (body != NULL)
        len += snprintf(request + len, size - (size_t)len, "Content-Length: %zu\r\n", body_len);
    len += snprintf(request + len, size - (size_t)len, "\r\n%s", body != NULL ? body : "");
    /* A server that hangs up early makes the rest fail; what it answered is still to be read. */
    bool was_reset = !bh_test_http_send(fd, request, (size_t)len) && errno == ECONNRESET;
    free(request);
    bh_test_http_read(fd, ret_response);
    /* Who is told of a RST by send() is told of a FIN by recv(). */
    if (was_reset && ret_response->end == BH_TEST_HTTP_CLOSED)
        ret_response->end = BH_TEST_HTTP_RESET;
}

void
bh_test_http_call(int port, const char *method, const char *target, const char *headers,
                  const char *body, struct bh_test_http *ret_response)
{
    int fd = bh_test_http_connect(port, USUAL_TIMEOUT_MS);
    if (fd < 0) {
        *ret_response = (struct bh_test_http){.end = BH_TEST_HTTP_RESET};
        ret_response->body = calloc(1, 1);
        return;
    }
    bh_test_http_call_on(fd, method, target, headers, body, ret_response);
    close(fd);
}

bool
bh_test_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

const char *
bh_test_http_end_name(enum bh_test_http_end end)
{
    static const char *const names[] = {"whole",    "closed",  "reset",  "cut head",
                                        "cut body", "garbage", "silent", "too long"};
    return names[end];
}
