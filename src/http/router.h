/*
 * router - which request is answered how.  No sockets, no loop: a request and what the daemon is asked about it.
 *
 *   GET, HEAD      /healthz          200 while all loops turn, else 503
 *   GET, HEAD      /readyz           200 while work is done, else 503 and why not
 *   GET, HEAD      /metrics          Prometheus' text format
 *   GET, POST      /webhook/TOKEN    a report of the gateway
 *
 * Everything else is 404, a wrong token too: who does not know it shall not learn that there is something.  A
 * report is answered with what makes the gateway do the right thing (its page on webhooks, of both eras): 200 is
 * the end of the matter, also for what does not concern us; 400, for what cannot be read, is never
 * repeated; 500 is repeated by all versions of the gateway, while 503 is not by the older ones.  So 500 it is
 * when we cannot take a report now.
 */
#ifndef BH_HTTP_ROUTER_H
#define BH_HTTP_ROUTER_H

#include "core/delivery_report.h"
#include "http/server.h"

/* The longest token, as the configuration has it. */
#define BH_HTTP_TOKEN_MAX 512

enum bh_http_taken {
    BH_HTTP_TAKEN,     /* it is in good hands */
    BH_HTTP_NOT_TAKEN, /* not now: the gateway is to try again */
};

enum bh_http_refusal {
    BH_HTTP_WRONG_TOKEN, /* somebody asks below /webhook/ and does not know the token */
    BH_HTTP_NO_REPORT,   /* the token is right, and what was posted is no report */
};

struct bh_http_routes {
    struct bh_str webhook_token; /* empty: there is no such route */
    const struct bh_zone *zone;  /* of the gateway's times; NULL is UTC */
    bool (*is_healthy)(void *arg);
    const char *(*why_unready)(
        void *arg); /* a sentence, or NULL: ready; valid until the next call */
    /* Appends the metrics; returns the content type they are in. */
    const char *(*write_metrics)(void *arg, struct bh_buf *buf);
    /* Of kind DLR or VOICE; other events are answered without asking. */
    enum bh_http_taken (*on_report)(void *arg, const struct bh_delivery_report *report);
    void (*on_refused)(void *arg, enum bh_http_refusal refusal, const char *why);
    void *arg;
};

/* Answer one request. */
void bh_http_route(const struct bh_http_routes *routes, const struct bh_http_request *request,
                   struct bh_http_answer *ret_answer);

#endif
