/*
 * http_rig - a server of src/http in a thread of its own, and bytes to and from it.
 */
#ifndef BH_TESTS_HTTP_RIG_H
#define BH_TESTS_HTTP_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "http/server.h"

struct http_rig;

/*
 * Serve on a free port of 127.0.0.1.  Every request is answered with 200 and a line that tells what came:
 * "METHOD PATH?QUERY TYPE LENGTH BODY".  Paths that begin with /later are answered so after a while, those with /never not
 * at all.
 */
struct http_rig *http_rig_start(const struct bh_http_server_options *options);

/* Stop and wait for the end; the counters as they were then. */
struct bh_http_counters http_rig_stop(struct http_rig *rig);

int http_rig_port(const struct http_rig *rig);

/* How often `request` was called, and how many connections are open: from the test's thread. */
unsigned http_rig_connections(const struct http_rig *rig);

/*
 * Send the bytes, end our side, and read to the end.  Statuses as text, e.g. "200 400"; "" when nothing came.  malloc'ed; so is
 * *ret_all (may be NULL), the whole answer.
 */
char *http_rig_talk(const struct http_rig *rig, const char *bytes, size_t len, char **ret_all);

#endif
