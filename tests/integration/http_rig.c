#include "http_rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/http_client.h"

#define WAIT_MS   20000
#define LATER_MS  100
#define LATER_MAX 64

struct http_rig {
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    uv_timer_t look, late;
    struct bh_http_server *server;
    struct {
        uint64_t ticket;
        struct bh_http_answer answer;
    } later[LATER_MAX]; /* by the server's thread alone */
    size_t later_count;
    int port;
    atomic_uint connections;
};

static void *
must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static void
tell(const struct bh_http_request *request, struct bh_http_answer *ret_answer)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    ret_answer->status = 200;
    if (bh_str_equal_text(request->path, "/who")) {
        bh_buf_append_text(&ret_answer->body, request->is_local ? "local\n" : "afar\n");
        return;
    }
    bh_buf_printf(&ret_answer->body, "%s %.*s?%.*s %.*s %zu %.*s\n", methods[request->method],
                  BH_STR_ARGS(request->path), BH_STR_ARGS(request->query),
                  BH_STR_ARGS(request->content_type), request->body.len,
                  (int)(request->body.len < 64 ? request->body.len : 64),
                  request->body.len > 0 ? request->body.ptr : "");
}

/* What was put off, in the order in which it came. */
static void
on_late(uv_timer_t *timer)
{
    struct http_rig *rig = timer->data;
    for (size_t i = 0; i < rig->later_count; i++)
        bh_http_server_answer(rig->server, rig->later[i].ticket, &rig->later[i].answer);
    rig->later_count = 0;
}

static void
on_request(void *arg, const struct bh_http_request *request, struct bh_http_answer *ret_answer)
{
    struct http_rig *rig = arg;
    const struct bh_str late = BH_STR_LITERAL("/later"), never = BH_STR_LITERAL("/never");
    ret_answer->later = bh_str_starts_with(request->path, never);
    if (ret_answer->later || !bh_str_starts_with(request->path, late)) {
        if (!ret_answer->later)
            tell(request, ret_answer);
        return;
    }
    if (rig->later_count == LATER_MAX)
        abort();
    ret_answer->later = true;
    rig->later[rig->later_count].ticket = request->ticket;
    rig->later[rig->later_count].answer = (struct bh_http_answer){.status = 0};
    bh_buf_init(&rig->later[rig->later_count].answer.body, BH_HTTP_ANSWER_MAX);
    tell(request, &rig->later[rig->later_count++].answer);
    uv_timer_start(&rig->late, on_late, LATER_MS, 0);
}

static void
on_closed(void *arg)
{
    struct http_rig *rig = arg;
    on_late(&rig->late);
    uv_close((uv_handle_t *)&rig->late, NULL);
    uv_close((uv_handle_t *)&rig->stop, NULL);
    uv_close((uv_handle_t *)&rig->look, NULL);
}

static void
on_stop(uv_async_t *async)
{
    struct http_rig *rig = async->data;
    bh_http_server_stop(rig->server);
}

static void
on_look(uv_timer_t *timer)
{
    struct http_rig *rig = timer->data;
    atomic_store(&rig->connections, bh_http_server_connections(rig->server));
}

static void *
run(void *arg)
{
    struct http_rig *rig = arg;
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    return NULL;
}

struct http_rig *
http_rig_start(const struct bh_http_server_options *options)
{
    struct http_rig *rig = must(calloc(1, sizeof(*rig)));
    struct bh_http_server_options filled = *options;
    struct bh_error error = {"", ""};
    filled.host = "127.0.0.1";
    filled.on_request = on_request;
    filled.on_closed = on_closed;
    filled.arg = rig;
    if (uv_loop_init(&rig->loop) != 0 || uv_async_init(&rig->loop, &rig->stop, on_stop) != 0 ||
        uv_timer_init(&rig->loop, &rig->look) != 0 || uv_timer_init(&rig->loop, &rig->late) != 0 ||
        bh_http_server_new(&rig->loop, &filled, &rig->server) != BH_OK ||
        bh_http_server_listen(rig->server, &error) != BH_OK) {
        fprintf(stderr, "http_rig: %s\n", error.text);
        abort();
    }
    rig->stop.data = rig->look.data = rig->late.data = rig;
    uv_timer_start(&rig->look, on_look, 5, 5);
    rig->port = bh_http_server_port(rig->server);
    if (pthread_create(&rig->thread, NULL, run, rig) != 0)
        abort();
    return rig;
}

struct bh_http_counters
http_rig_stop(struct http_rig *rig)
{
    uv_async_send(&rig->stop);
    pthread_join(rig->thread, NULL);
    struct bh_http_counters counters = *bh_http_server_counters(rig->server);
    if (uv_loop_close(&rig->loop) != 0)
        abort();
    bh_http_server_free(rig->server);
    free(rig);
    return counters;
}

int
http_rig_port(const struct http_rig *rig)
{
    return rig->port;
}

unsigned
http_rig_connections(const struct http_rig *rig)
{
    return atomic_load(&rig->connections);
}

static char *
read_to_end(int fd)
{
    size_t len = 0, capacity = 4096;
    char *all = must(malloc(capacity));
    for (;;) {
        ssize_t got = recv(fd, all + len, capacity - len - 1, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        if (capacity - len < 1024)
            all = must(realloc(all, capacity *= 2));
    }
    all[len] = '\0';
    return all;
}

char *
http_rig_talk(const struct http_rig *rig, const char *bytes, size_t len, char **ret_all)
{
    int fd = bh_test_http_connect(rig->port, WAIT_MS);
    if (fd < 0)
        abort();
    /* A server that has heard enough may have closed already. */
    (void)bh_test_http_send(fd, bytes, len);
    shutdown(fd, SHUT_WR);
    char *all = read_to_end(fd);
    close(fd);
    char *statuses = must(calloc(1, strlen(all) + 1));
    for (const char *at = strstr(all, "HTTP/1."); at != NULL; at = strstr(at + 1, "HTTP/1.")) {
        if (statuses[0] != '\0')
            strncat(statuses, " ", 2);
        strncat(statuses, at + 9, 3);
    }
    if (ret_all != NULL)
        *ret_all = all;
    else
        free(all);
    return statuses;
}
