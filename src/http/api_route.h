/*
 * api_route - what a request for the dashboard or its API asks for: a path and a query, as values.
 *
 *   GET   /  /dashboard.js  /dashboard.css  /dashboard.svg     the page and what belongs to it
 *   GET   /api/v1/overview                                     everything at a glance
 *   GET   /api/v1/history?queue=Q                              the last hour, by minutes
 *   GET   /api/v1/shape?queue=Q                                how old its jobs are
 *   GET   /api/v1/jobs?queue=Q&place=P[&state=S][&cursor=C]    a page of jobs
 *   GET   /api/v1/job?queue=Q&id=I                             one job and its history
 *   POST  /api/v1/queue/Q/pause|resume
 *   POST  /api/v1/account/pause|resume
 *   POST  /api/v1/job/Q/I/retry|cancel|resolve
 *
 * HEAD is as GET.  Who may ask is not decided here (access.h), nor whether there is such a queue or job.
 *
 * Pure.
 */
#ifndef BH_HTTP_API_ROUTE_H
#define BH_HTTP_API_ROUTE_H

#include "http/server.h"

#define BH_API_QUEUE_MAX  32
#define BH_API_ID_MAX     64
#define BH_API_CURSOR_MAX 64

enum bh_api_kind {
    BH_API_NONE,        /* not ours: somebody else may know the path */
    BH_API_NOT_FOUND,   /* below /api/, and no route of ours */
    BH_API_NOT_ALLOWED, /* another method; `allow` says which */
    BH_API_BAD,         /* a route, but what it needs is missing or malformed; `why` says what */
    BH_API_PAGE,
    BH_API_SCRIPT,
    BH_API_STYLE,
    BH_API_ICON,
    BH_API_OVERVIEW,
    BH_API_HISTORY,
    BH_API_SHAPE,
    BH_API_JOBS,
    BH_API_JOB,
    BH_API_QUEUE_PAUSE, /* from here on: changes */
    BH_API_QUEUE_RESUME,
    BH_API_ACCOUNT_PAUSE,
    BH_API_ACCOUNT_RESUME,
    BH_API_JOB_RETRY,
    BH_API_JOB_CANCEL,
    BH_API_JOB_RESOLVE,
};

/* Where jobs lie; the words are those of the queue's keys, but for the last. */
enum bh_api_place {
    BH_API_PLACE_DUE,
    BH_API_PLACE_READY,
    BH_API_PLACE_LEASES,
    BH_API_PLACE_DEAD,
    BH_API_PLACE_SUSPECTS,
    BH_API_PLACE_UNCLAIMED, /* pushed, and seen by no worker */
};

/* Texts are NUL-terminated and as they are allowed to be: a queue's name, a job's id, printable ASCII. */
struct bh_api_route {
    enum bh_api_kind kind;
    const char *allow;
    const char *why;
    char queue[BH_API_QUEUE_MAX + 1];
    char id[BH_API_ID_MAX + 1];
    enum bh_api_place place;
    char waiting[4]; /* letters of enum bh_waiting; "" for all */
    char cursor[BH_API_CURSOR_MAX + 1];
};

void bh_api_route_parse(const struct bh_http_request *request, struct bh_api_route *ret_route);

/* Whether an administrator alone may ask for it. */
bool bh_api_is_change(enum bh_api_kind kind);

/* Whether its answer tells figures or jobs, or changes them: all but the page, which says nothing. */
bool bh_api_is_data(enum bh_api_kind kind);

/*
 * Whether the Host header names this machine in a way that no foreign page can forge by a name of its own that leads here
 * (DNS rebinding): an address, "localhost", or `listen_host`.  With or without a port.
 */
bool bh_api_is_own_host(struct bh_str host, struct bh_str listen_host);

#endif
