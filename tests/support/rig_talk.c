#include "support/rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CALL_S     20
#define ANSWER_MAX ((size_t)64 * 1024 * 1024)

/* ---- Redis ----------------------------------------------------------------------------------------- */

void
bh_rig_connect(struct bh_rig *rig)
{
    bh_rig_disconnect(rig);
    rig->context = redisConnectUnix(rig->redis.socket_path);
    if (rig->context == NULL || rig->context->err != 0)
        bh_rig_fail(rig, "connecting to Redis: %s",
                    rig->context != NULL ? rig->context->errstr : "memory");
}

void
bh_rig_disconnect(struct bh_rig *rig)
{
    if (rig->context != NULL)
        redisFree(rig->context);
    rig->context = NULL;
}

static redisReply *
checked(struct bh_rig *rig, const char *what, redisReply *reply)
{
    if (reply == NULL)
        bh_rig_fail(rig, "%s: %s", what, rig->context->errstr);
    if (reply->type == REDIS_REPLY_ERROR)
        bh_rig_fail(rig, "%s: %s", what, reply->str);
    return reply;
}

redisReply *
bh_rig_command(struct bh_rig *rig, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(rig->context, format, args);
    va_end(args);
    return checked(rig, format, reply);
}

long long
bh_rig_integer(struct bh_rig *rig, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = checked(rig, format, redisvCommand(rig->context, format, args));
    va_end(args);
    long long number = reply->type == REDIS_REPLY_INTEGER  ? reply->integer
                       : reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10)
                                                           : 0;
    freeReplyObject(reply);
    return number;
}

void
bh_rig_push_bytes(struct bh_rig *rig, const char *queue, const char *bytes, size_t len)
{
    bh_rig_integer(rig, "LPUSH bellhop:{%s} %b", queue, bytes, len);
}

void
bh_rig_push(struct bh_rig *rig, const char *queue, const char *json)
{
    bh_rig_push_bytes(rig, queue, json, strlen(json));
}

const char *
bh_rig_field(struct bh_rig *rig, const char *queue, const char *id, const char *name)
{
    redisReply *reply = bh_rig_command(rig, "HGET bellhop:{%s}:status:%s %s", queue, id, name);
    const char *text = reply->type == REDIS_REPLY_STRING ? bh_rig_text(rig, "%s", reply->str) : "";
    freeReplyObject(reply);
    return text;
}

bool
bh_rig_is(struct bh_rig *rig, const char *queue, const char *id, const char *name,
          const char *value)
{
    redisReply *reply = bh_rig_command(rig, "HGET bellhop:{%s}:status:%s %s", queue, id, name);
    bool same = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, value) == 0;
    freeReplyObject(reply);
    return same;
}

long long
bh_rig_number(struct bh_rig *rig, const char *queue, const char *id, const char *name)
{
    return bh_rig_integer(rig, "HGET bellhop:{%s}:status:%s %s", queue, id, name);
}

void
bh_rig_wait_state(struct bh_rig *rig, const char *queue, const char *id, const char *state)
{
    bh_rig_begin_waiting(rig, BH_RIG_WAIT_MS);
    while (!bh_rig_is(rig, queue, id, "state", state))
        if (!bh_rig_may_wait(rig))
            bh_rig_fail(
                rig, "job %s of queue %s is not %s but \"%s\" (reason \"%s\", code %s, error: %s)",
                id, queue, state, bh_rig_field(rig, queue, id, "state"),
                bh_rig_field(rig, queue, id, "reason"), bh_rig_field(rig, queue, id, "code"),
                bh_rig_field(rig, queue, id, "error"));
}

long long
bh_rig_counter(struct bh_rig *rig, const char *queue, const char *name)
{
    return bh_rig_integer(rig, "HGET bellhop:{%s}:counters %s", queue, name);
}

long long
bh_rig_unfinished(struct bh_rig *rig, const char *queue)
{
    /* At one moment: a job that moves between two questions would be nowhere. */
    static const char script[] = "local count = 0 "
                                 "for _, list in ipairs({'', ':in', ':ready', ':suspects'}) do "
                                 "count = count + redis.call('LLEN', KEYS[1] .. list) end "
                                 "for _, set in ipairs({':due', ':leases'}) do "
                                 "count = count + redis.call('ZCARD', KEYS[1] .. set) end "
                                 "return count";
    return bh_rig_integer(rig, "EVAL %s 1 bellhop:{%s}", script, queue);
}

/* ---- the simulator --------------------------------------------------------------------------------- */

static int
connect_sim(struct bh_rig *rig)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(rig->sim_port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct timeval limit = {.tv_sec = CALL_S};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        bh_rig_fail(rig, "connecting to the simulator: %s", strerror(errno));
    return fd;
}

struct text {
    char *bytes;
    size_t len;
};

static void
receive_all(struct bh_rig *rig, int fd, struct text *answer)
{
    size_t capacity = 0;
    for (;;) {
        if (answer->len + 1 >= capacity) {
            capacity = capacity * 2 + 65536;
            answer->bytes = realloc(answer->bytes, capacity);
            if (answer->bytes == NULL)
                bh_rig_fail(rig, "out of memory");
        }
        ssize_t got = recv(fd, answer->bytes + answer->len, capacity - answer->len - 1, 0);
        if (got < 0 || answer->len > ANSWER_MAX)
            bh_rig_fail(rig, "the simulator's answer: %s", strerror(errno));
        if (got == 0)
            break;
        answer->len += (size_t)got;
    }
    answer->bytes[answer->len] = '\0';
}

/* Chunks in place become their content. */
static void
join_chunks(char *body)
{
    char *to = body;
    for (const char *from = body;;) {
        char *end;
        size_t len = strtoul(from, &end, 16);
        if (len == 0 || end == from || *end != '\r')
            break;
        memmove(to, end + 2, len);
        to += len;
        from = end + 2 + len + 2;
    }
    *to = '\0';
}

static const char *
call_sim(struct bh_rig *rig, const char *method, const char *what, const char *json)
{
    struct text answer = {0};
    size_t len = json != NULL ? strlen(json) : 0;
    const char *request =
        bh_rig_text(rig,
                    "%s /_sim/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                    method, what, len, json != NULL ? json : "");
    int fd = connect_sim(rig);
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        bh_rig_fail(rig, "asking the simulator: %s", strerror(errno));
    receive_all(rig, fd, &answer);
    close(fd);
    char *body = strstr(answer.bytes, "\r\n\r\n");
    if (body == NULL || strncmp(answer.bytes, "HTTP/1.1 200 ", 13) != 0)
        bh_rig_fail(rig, "%s %s %s: %s", method, what, json != NULL ? json : "", answer.bytes);
    body += 4;
    if (strstr(answer.bytes, "chunked") != NULL && strstr(answer.bytes, "chunked") < body)
        join_chunks(body);
    const char *kept = bh_rig_text(rig, "%s", body);
    free(answer.bytes);
    return kept;
}

const char *
bh_rig_ask(struct bh_rig *rig, const char *what)
{
    return call_sim(rig, "GET", what, NULL);
}

void
bh_rig_tell(struct bh_rig *rig, const char *what, const char *json)
{
    call_sim(rig, "POST", what, json);
}

long long
bh_rig_sim_number(struct bh_rig *rig, const char *what, const char *name)
{
    const char *mark = bh_rig_text(rig, "\"%s\":", name);
    const char *found = strstr(bh_rig_ask(rig, what), mark);
    return found != NULL ? strtoll(found + strlen(mark), NULL, 10) : -1;
}

long long
bh_rig_accepted(struct bh_rig *rig, const char *foreign_id)
{
    return bh_rig_sim_number(rig, bh_rig_text(rig, "stats?limit=0&foreign_id=%s", foreign_id),
                             "count");
}

const char *
bh_rig_message(struct bh_rig *rig, const char *foreign_id)
{
    const char *list =
        bh_rig_ask(rig, bh_rig_text(rig, "messages?limit=1&foreign_id=%s", foreign_id));
    return strcmp(list, "[]") == 0 ? "" : list;
}

int
bh_rig_port_in_log(struct bh_rig *rig, struct bh_process *process, const char *line_mark,
                   const char *mark)
{
    char line[1024];
    int port = 0;
    if (!bh_process_wait_line(process, line_mark, BH_RIG_WAIT_MS)) {
        bh_process_show(process);
        bh_rig_fail(rig, "nobody listens");
    }
    FILE *file = fopen(process->log, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *found = strstr(line, line_mark) != NULL ? strstr(line, mark) : NULL;
        if (found != NULL)
            port = (int)strtol(found + strlen(mark), NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    if (port == 0)
        bh_rig_fail(rig, "no port in the log");
    return port;
}

int
bh_rig_http_port_of(struct bh_rig *rig, unsigned index)
{
    return bh_rig_port_in_log(rig, &rig->daemons[index].process, " http_up ", "port=");
}

int
bh_rig_http_port(struct bh_rig *rig)
{
    return bh_rig_http_port_of(rig, 0);
}
