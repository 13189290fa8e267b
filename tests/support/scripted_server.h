/*
 * scripted_server - a server on raw sockets that does exactly what a test's script says, byte for byte.
 *
 * Each connection runs the script in a thread of its own.  Nothing here knows HTTP beyond finding the end of
 * a request, so that a mistake of ours in HTTP cannot hide in both ends.  With TLS the server makes itself a
 * certificate for 127.0.0.1, signed by nobody.
 */
#ifndef TESTS_SUPPORT_SCRIPTED_SERVER_H
#define TESTS_SUPPORT_SCRIPTED_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct scripted_server;
struct scripted_connection;

/* Returning closes the connection. */
typedef void scripted_script(struct scripted_connection *connection, void *arg);

/* Aborts the test program when it cannot be started. */
struct scripted_server *scripted_start(scripted_script *script, void *arg);
struct scripted_server *scripted_start_tls(scripted_script *script, void *arg);

/* The same with a certificate that ends in `left_s` seconds, which may be negative; else an hour. */
struct scripted_server *scripted_start_tls_until(scripted_script *script, void *arg, long left_s);

/* Ends all connections and waits for their threads. */
void scripted_stop(struct scripted_server *server);

int scripted_port(const struct scripted_server *server);

/* PEM file with the certificate of a TLS server; removed by scripted_stop. */
const char *scripted_ca_file(const struct scripted_server *server);

unsigned scripted_connections(struct scripted_server *server); /* accepted so far */
unsigned scripted_requests(struct scripted_server *server);    /* read completely so far */
unsigned scripted_most_at_once(struct scripted_server *server);

/* ---- for scripts ---- */

/* From 0. */
unsigned scripted_number(const struct scripted_connection *connection);

/* Read one whole request, headers and body.  False: the other side is gone before its end. */
bool scripted_read_request(struct scripted_connection *connection);

/* The last request read: NUL-terminated, valid until the next one. */
const char *scripted_request(const struct scripted_connection *connection);

/* Read `len` bytes of whatever comes. */
bool scripted_read(struct scripted_connection *connection, size_t len);

/* False: the other side is gone. */
bool scripted_send(struct scripted_connection *connection, const char *text);

/* 200 with a length. */
bool scripted_answer(struct scripted_connection *connection, const char *body);

/* Until the other side is gone or the server is stopped. */
void scripted_wait_end(struct scripted_connection *connection);

/* No more from us; reading goes on. */
void scripted_finish(struct scripted_connection *connection);

/* The next close sends a RST. */
void scripted_reset_at_close(struct scripted_connection *connection);

/* From now on nobody listens any more: others are refused. */
void scripted_refuse_others(struct scripted_connection *connection);

/* A loopback port on which nobody listens. */
int scripted_closed_port(void);

#endif
