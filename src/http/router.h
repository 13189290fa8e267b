/*
 * router - which request is answered how.  No sockets, no loop: a request and what the daemon is asked about it.
 *
 *   GET, HEAD      /healthz          200 while all loops turn, else 503
 *   GET, HEAD      /readyz           200 while work is done, else 503; and why not, to those who may look
 *   GET, HEAD      /metrics          Prometheus' text format, to those who may look
 *   GET, POST      /webhook/TOKEN    a report of the gateway
 *
 * Everything else is 404, a wrong token too: who does not know it shall not learn that there is something.  So is a
 * webhook from an address that may not report.  A
 * report is answered with what makes the gateway do the right thing (its page on webhooks, of both eras): 200 is
 * the end of the matter, also for what does not concern us; 400, for what cannot be read, and 403, for a wrong
 * signature, are never repeated; 500 is repeated by all versions of the gateway, while 503 is not by the older ones.  So
 * 500 it is when we cannot take a report now.
 */
#ifndef BH_HTTP_ROUTER_H
#define BH_HTTP_ROUTER_H

#include "core/delivery_report.h"
#include "core/inbound_sms.h"
#include "http/server.h"

/* The longest token, as the configuration has it. */
#define BH_HTTP_TOKEN_MAX 512

enum bh_http_taken {
    BH_HTTP_TAKEN,     /* it is in good hands, or nobody's concern */
    BH_HTTP_NOT_TAKEN, /* not now: the gateway is to try again */
    BH_HTTP_LATER,     /* bh_http_server_answer follows, with what bh_http_webhook_answer writes */
};

enum bh_http_refusal {
    BH_HTTP_WRONG_TOKEN,     /* somebody asks below /webhook/ and does not know the token */
    BH_HTTP_NO_REPORT,       /* the token is right, and what was posted is no report */
    BH_HTTP_WRONG_ADDRESS,   /* nobody may report from there; the token was not looked at */
    BH_HTTP_WRONG_SIGNATURE, /* the token is right */
};
#define BH_HTTP_REFUSALS (BH_HTTP_WRONG_SIGNATURE + 1)

/* Whether the gateway has signed a request. */
enum bh_http_proof {
    BH_HTTP_GENUINE,     /* it has, or nobody asks for it */
    BH_HTTP_FORGED,      /* it has not; `why` says what is wrong */
    BH_HTTP_REPEATED,    /* it was here already, and taken */
    BH_HTTP_CANNOT_TELL, /* short of memory */
};

/* What was posted; `report` alone unless it is an SMS to us. */
struct bh_http_report {
    const struct bh_http_request *request;
    const struct bh_delivery_report *report; /* of any event but NOTHING */
    const struct bh_inbound_sms *sms;        /* of event SMS_MO; else NULL */
};

/* What is below /webhook/. */
struct bh_http_webhook {
    struct bh_str token;        /* empty: there is no such route */
    const struct bh_zone *zone; /* of the gateway's times; NULL is UTC */
    /* May somebody report from the address of this request? */
    bool (*is_welcome)(void *arg, const struct bh_http_request *request);
    /* Is it signed as it has to be?  *ret_why: a sentence, of FORGED. */
    enum bh_http_proof (*is_genuine)(void *arg, const struct bh_http_request *request,
                                     const char **ret_why);
    /* What is posted is borrowed while this runs. */
    enum bh_http_taken (*on_report)(void *arg, const struct bh_http_report *posted);
    void (*on_refused)(void *arg, const struct bh_http_request *request,
                       enum bh_http_refusal refusal, const char *why);
    void *arg;
};

struct bh_http_routes {
    const struct bh_http_webhook *webhook;
    /* Whether who asks may see figures and reasons.  False: the refusal is filled, if it is not NULL. */
    bool (*may_look)(void *arg, const struct bh_http_request *request,
                     struct bh_http_answer *ret_refusal);
    bool (*is_healthy)(void *arg);
    const char *(*why_unready)(
        void *arg); /* a sentence, or NULL: ready; valid until the next call */
    /* Appends the metrics; returns the content type they are in. */
    const char *(*write_metrics)(void *arg, struct bh_buf *buf);
    void *arg;
};

/* Answer one request. */
void bh_http_route(const struct bh_http_routes *routes, const struct bh_http_request *request,
                   struct bh_http_answer *ret_answer);

/* The answer to a webhook that was LATER: 200, or 500 so that it comes again.  The body is appended. */
void bh_http_webhook_answer(bool taken, struct bh_http_answer *ret_answer);

#endif
