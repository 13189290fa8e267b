#include "support/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 512
#define REQUEST_MAX     ((size_t)256 * 1024)

#define REQUIRE(condition)                                                                         \
    ((condition) ? (void)0 : (fprintf(stderr, "scripted server: %s failed\n", #condition), abort()))

struct scripted_connection {
    struct scripted_server *server;
    pthread_t thread;
    unsigned number;
    int fd; /* -1: closed */
    SSL *ssl;
    char *request;
};

struct scripted_server {
    scripted_script *script;
    void *arg;
    int listener;
    int port;
    SSL_CTX *tls;
    char ca_file[64];
    pthread_t thread;
    pthread_mutex_t mutex; /* guards everything below */
    struct scripted_connection connections[CONNECTIONS_MAX];
    unsigned count;
    unsigned open;
    unsigned most_at_once;
    unsigned requests;
    bool is_stopping;
};

/* ---- TLS ------------------------------------------------------------------------------------------- */

static X509 *
make_certificate(EVP_PKEY *key, long left_s)
{
    X509 *certificate = X509_new();
    REQUIRE(certificate != NULL);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), (left_s < 0 ? left_s : 0) - 3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), left_s);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"scripted", -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    REQUIRE(names != NULL && X509_add_ext(certificate, names, -1) == 1);
    X509_EXTENSION_free(names);
    REQUIRE(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static void
write_certificate(struct scripted_server *server, X509 *certificate)
{
    snprintf(server->ca_file, sizeof(server->ca_file), "/tmp/bellhop-test-ca-XXXXXX");
    int fd = mkstemp(server->ca_file);
    REQUIRE(fd >= 0);
    FILE *file = fdopen(fd, "w");
    REQUIRE(file != NULL && PEM_write_X509(file, certificate) == 1);
    fclose(file);
}

static void
open_tls(struct scripted_server *server, long left_s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    REQUIRE(key != NULL);
    X509 *certificate = make_certificate(key, left_s);
    write_certificate(server, certificate);
    server->tls = SSL_CTX_new(TLS_server_method());
    REQUIRE(server->tls != NULL);
    REQUIRE(SSL_CTX_use_certificate(server->tls, certificate) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(server->tls, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* ---- connections ----------------------------------------------------------------------------------- */

static void
connection_close(struct scripted_connection *connection)
{
    struct scripted_server *server = connection->server;
    SSL_free(connection->ssl);
    free(connection->request);
    pthread_mutex_lock(&server->mutex);
    close(connection->fd);
    connection->fd = -1;
    server->open--;
    pthread_mutex_unlock(&server->mutex);
}

static void *
connection_main(void *arg)
{
    struct scripted_connection *connection = arg;
    struct scripted_server *server = connection->server;
    bool usable = true;
    if (server->tls != NULL) {
        connection->ssl = SSL_new(server->tls);
        REQUIRE(connection->ssl != NULL && SSL_set_fd(connection->ssl, connection->fd) == 1);
        usable = SSL_accept(connection->ssl) == 1;
    }
    if (usable)
        server->script(connection, server->arg);
    connection_close(connection);
    return NULL;
}

static bool
connection_open(struct scripted_server *server, int fd)
{
    pthread_mutex_lock(&server->mutex);
    bool usable = !server->is_stopping;
    if (usable) {
        REQUIRE(server->count < CONNECTIONS_MAX);
        struct scripted_connection *connection = &server->connections[server->count];
        connection->server = server;
        connection->number = server->count++;
        connection->fd = fd;
        server->open++;
        if (server->open > server->most_at_once)
            server->most_at_once = server->open;
        REQUIRE(pthread_create(&connection->thread, NULL, connection_main, connection) == 0);
    }
    pthread_mutex_unlock(&server->mutex);
    return usable;
}

static void *
server_main(void *arg)
{
    struct scripted_server *server = arg;
    int fd;
    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        if (!connection_open(server, fd)) {
            close(fd);
            break;
        }
    }
    return NULL;
}

static int
bind_loopback(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(fd >= 0);
    REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static struct scripted_server *
start(scripted_script *script, void *arg, bool has_tls, long left_s)
{
    struct scripted_server *server = calloc(1, sizeof(*server));
    REQUIRE(server != NULL);
    signal(SIGPIPE, SIG_IGN); /* the TLS library writes without MSG_NOSIGNAL */
    server->script = script;
    server->arg = arg;
    REQUIRE(pthread_mutex_init(&server->mutex, NULL) == 0);
    if (has_tls)
        open_tls(server, left_s);
    server->listener = bind_loopback(&server->port);
    REQUIRE(listen(server->listener, 256) == 0);
    REQUIRE(pthread_create(&server->thread, NULL, server_main, server) == 0);
    return server;
}

struct scripted_server *
scripted_start(scripted_script *script, void *arg)
{
    return start(script, arg, false, 0);
}

struct scripted_server *
scripted_start_tls(scripted_script *script, void *arg)
{
    return start(script, arg, true, 3600);
}

struct scripted_server *
scripted_start_tls_until(scripted_script *script, void *arg, long left_s)
{
    return start(script, arg, true, left_s);
}

void
scripted_stop(struct scripted_server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->is_stopping = true;
    for (unsigned i = 0; i < server->count; i++)
        if (server->connections[i].fd >= 0)
            shutdown(server->connections[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->mutex);

    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    for (unsigned i = 0; i < server->count; i++)
        pthread_join(server->connections[i].thread, NULL);
    if (server->tls != NULL) {
        SSL_CTX_free(server->tls);
        unlink(server->ca_file);
    }
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

int
scripted_port(const struct scripted_server *server)
{
    return server->port;
}

const char *
scripted_ca_file(const struct scripted_server *server)
{
    return server->ca_file;
}

static unsigned
read_counter(struct scripted_server *server, const unsigned *counter)
{
    pthread_mutex_lock(&server->mutex);
    unsigned value = *counter;
    pthread_mutex_unlock(&server->mutex);
    return value;
}

unsigned
scripted_connections(struct scripted_server *server)
{
    return read_counter(server, &server->count);
}

unsigned
scripted_requests(struct scripted_server *server)
{
    return read_counter(server, &server->requests);
}

unsigned
scripted_most_at_once(struct scripted_server *server)
{
    return read_counter(server, &server->most_at_once);
}

/* ---- for scripts ----------------------------------------------------------------------------------- */

static bool
read_bytes(struct scripted_connection *connection, char *bytes, size_t len)
{
    while (len > 0) {
        int chunk = len > 65536 ? 65536 : (int)len;
        ssize_t got = connection->ssl != NULL ? SSL_read(connection->ssl, bytes, chunk)
                                              : recv(connection->fd, bytes, (size_t)chunk, 0);
        if (got <= 0)
            return false;
        bytes += got;
        len -= (size_t)got;
    }
    return true;
}

bool
scripted_send(struct scripted_connection *connection, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t sent = connection->ssl != NULL ? SSL_write(connection->ssl, text, (int)len)
                                               : send(connection->fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text += sent;
        len -= (size_t)sent;
    }
    return true;
}

unsigned
scripted_number(const struct scripted_connection *connection)
{
    return connection->number;
}

static size_t
body_length(const char *head)
{
    const char *line = head;
    while (line != NULL) {
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            return (size_t)strtoull(line + 15, NULL, 10);
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return 0;
}

bool
scripted_read_request(struct scripted_connection *connection)
{
    struct scripted_server *server = connection->server;
    size_t len = 0;
    if (connection->request == NULL)
        connection->request = malloc(REQUEST_MAX);
    REQUIRE(connection->request != NULL);
    char *request = connection->request;
    do {
        REQUIRE(len < REQUEST_MAX - 1);
        if (!read_bytes(connection, request + len, 1))
            return false;
        request[++len] = '\0';
    } while (len < 4 || memcmp(request + len - 4, "\r\n\r\n", 4) != 0);

    size_t body = body_length(request);
    REQUIRE(body < REQUEST_MAX - len);
    if (!read_bytes(connection, request + len, body))
        return false;
    request[len + body] = '\0';
    pthread_mutex_lock(&server->mutex);
    server->requests++;
    pthread_mutex_unlock(&server->mutex);
    return true;
}

const char *
scripted_request(const struct scripted_connection *connection)
{
    return connection->request;
}

bool
scripted_read(struct scripted_connection *connection, size_t len)
{
    char bytes[4096];
    while (len > 0) {
        size_t chunk = len < sizeof(bytes) ? len : sizeof(bytes);
        if (!read_bytes(connection, bytes, chunk))
            return false;
        len -= chunk;
    }
    return true;
}

bool
scripted_answer(struct scripted_connection *connection, const char *body)
{
    char head[128];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
    return scripted_send(connection, head) && scripted_send(connection, body);
}

void
scripted_wait_end(struct scripted_connection *connection)
{
    while (scripted_read(connection, 1))
        ;
}

void
scripted_finish(struct scripted_connection *connection)
{
    shutdown(connection->fd, SHUT_WR);
}

void
scripted_reset_at_close(struct scripted_connection *connection)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    REQUIRE(setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
}

void
scripted_refuse_others(struct scripted_connection *connection)
{
    REQUIRE(shutdown(connection->server->listener, SHUT_RDWR) == 0);
}

int
scripted_closed_port(void)
{
    int port;
    close(bind_loopback(&port));
    return port;
}
