#include "sim/server.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/address.h"
#include "sim/connection.h"

#define LISTEN_BACKLOG 1024
#define ADDRESS_MAX    108u

struct listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    struct bh_sim_server *server;
    struct listener *next;
    bool is_tcp;
};

struct bh_sim_server {
    struct bh_sim_hub hub;
    struct listener *listeners; /* owned */
};

static void
on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;
    if (status == 0)
        bh_sim_hub_accept(&listener->server->hub, stream, listener->is_tcp);
}

struct bh_sim_server *
bh_sim_server_new(struct bh_sim_world *world, uv_loop_t *loop)
{
    struct bh_sim_server *server = bh_sim_alloc_zero(sizeof *server);
    bh_sim_hub_init(&server->hub, world, loop);
    return server;
}

static bool
fail(struct bh_error *ret_error, const char *address, const char *why)
{
    snprintf(ret_error->field, sizeof ret_error->field, "listen");
    snprintf(ret_error->text, sizeof ret_error->text, "cannot listen on %.100s: %s", address, why);
    return false;
}

static void
on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct listener *
new_listener(struct bh_sim_server *server, bool is_tcp)
{
    struct listener *listener = bh_sim_alloc_zero(sizeof *listener);
    listener->server = server;
    listener->is_tcp = is_tcp;
    if (is_tcp)
        uv_tcp_init(server->hub.loop, &listener->socket.tcp);
    else
        uv_pipe_init(server->hub.loop, &listener->socket.pipe, 0);
    listener->socket.handle.data = listener;
    return listener;
}

static bool
open_listener(struct bh_sim_server *server, struct listener *listener, const char *address,
              int bind_error, struct bh_error *ret_error)
{
    int error = bind_error;
    if (error == 0)
        error = uv_listen(&listener->socket.stream, LISTEN_BACKLOG, on_connection);
    if (error != 0) {
        uv_close(&listener->socket.handle, on_listener_closed);
        return fail(ret_error, address, uv_strerror(error));
    }
    listener->next = server->listeners;
    server->listeners = listener;
    return true;
}

/* "127.0.0.1:80", "localhost:80", "[::1]:80". */
static bool
parse_address(const char *text, struct sockaddr_storage *ret_address)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (colon == NULL || !bh_sim_str_to_int(bh_sim_str_from(colon + 1), &port) || port < 0 ||
        port > 65535)
        return false;
    char host[ADDRESS_MAX];
    size_t len = (size_t)(colon - text);
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (len == 0 || len >= sizeof host)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(bracketed ? len - 2 : len),
             text + (bracketed ? 1 : 0));
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, "127.0.0.1");
    memset(ret_address, 0, sizeof *ret_address);
    if (bracketed)
        return uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)ret_address) == 0;
    return uv_ip4_addr(host, (int)port, (struct sockaddr_in *)ret_address) == 0;
}

static void
print_url(const struct listener *listener, struct bh_sim_buf *ret_url)
{
    struct sockaddr_storage address;
    int len = (int)sizeof address;
    char name[INET6_ADDRSTRLEN] = "";
    if (uv_tcp_getsockname(&listener->socket.tcp, (struct sockaddr *)&address, &len) != 0)
        return;
    uv_ip_name((struct sockaddr *)&address, name, sizeof name);
    struct sockaddr_in v4;
    memcpy(&v4, &address, sizeof v4); /* the port lies at the same place in both families */
    bh_sim_buf_printf(ret_url, address.ss_family == AF_INET6 ? "http://[%s]:%d" : "http://%s:%d",
                      name, ntohs(v4.sin_port));
}

static bool
listen_unix(struct bh_sim_server *server, const char *address, struct bh_sim_buf *ret_url,
            struct bh_error *ret_error)
{
    const char *path = address + strlen("unix:");
    if (path[0] == '\0' || strlen(path) >= ADDRESS_MAX)
        return fail(ret_error, address, "the path is empty or too long");
    struct listener *listener = new_listener(server, false);
    int error = uv_pipe_bind(&listener->socket.pipe, path);
    if (!open_listener(server, listener, address, error, ret_error))
        return false;
    bh_sim_buf_printf(ret_url, "unix:%s", path);
    return true;
}

bool
bh_sim_server_listen(struct bh_sim_server *server, const char *address, struct bh_sim_buf *ret_url,
                     struct bh_error *ret_error)
{
    struct sockaddr_storage where;
    if (strncmp(address, "unix:", 5) == 0)
        return listen_unix(server, address, ret_url, ret_error);
    if (!parse_address(address, &where))
        return fail(ret_error, address, "it is no HOST:PORT with a numeric address");
    if (!bh_sim_address_is_loopback((const struct sockaddr *)&where) &&
        !server->hub.world->config.allow_remote)
        return fail(ret_error, address, "it is no loopback address (--allow-remote permits it)");
    struct listener *listener = new_listener(server, true);
    int error = uv_tcp_bind(&listener->socket.tcp, (struct sockaddr *)&where, 0);
    if (!open_listener(server, listener, address, error, ret_error))
        return false;
    print_url(listener, ret_url);
    return true;
}

void
bh_sim_server_stop(struct bh_sim_server *server)
{
    while (server->listeners != NULL) {
        struct listener *listener = server->listeners;
        server->listeners = listener->next;
        uv_close(&listener->socket.handle, on_listener_closed);
    }
    bh_sim_hub_stop(&server->hub);
}

void
bh_sim_server_free(struct bh_sim_server *server)
{
    bh_sim_hub_release(&server->hub);
    free(server);
}
