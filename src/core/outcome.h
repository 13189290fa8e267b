/*
 * outcome - what became of one request to the gateway, from the transport's view and from ours.
 *
 * The transport reports an *exchange*: what it handed over and what came back.  The reader of answers
 * turns that into an *outcome*, one of exactly four kinds.  The policy turns the outcome into a verdict.
 */
#ifndef BH_CORE_OUTCOME_H
#define BH_CORE_OUTCOME_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"

/* How much of the request was handed to the network.  Judged by bytes, never by a library's error code. */
enum bh_handed_over {
    BH_HANDED_NOTHING, /* no byte of the request left: certainly not processed */
    BH_HANDED_PART,    /* the body is incomplete: HTTP framing forbids a server to act on it */
    BH_HANDED_ALL,     /* whole request left: may have been processed */
};

/* Where an exchange without usable answer broke; decides the sentence and who is to blame, never the outcome's kind. */
enum bh_trouble {
    BH_TROUBLE_NONE,
    BH_TROUBLE_RESOLVE,     /* DNS */
    BH_TROUBLE_CONNECT,     /* refused, unreachable, timed out before a connection stood */
    BH_TROUBLE_TLS,         /* handshake reset or timed out */
    BH_TROUBLE_CERTIFICATE, /* verification failed: waiting does not heal it */
    BH_TROUBLE_TIMEOUT,     /* no whole answer in time */
    BH_TROUBLE_RESET,       /* connection died */
    BH_TROUBLE_GARBAGE,     /* not HTTP, or a broken encoding */
    BH_TROUBLE_TOO_BIG,     /* answer over our bound */
    BH_TROUBLE_CANCELLED,   /* we gave up ourselves: lease or drain */
    BH_TROUBLE_INTERNAL,    /* our own side: memory, descriptors */
};

/* What the transport saw.  Views are borrowed from the transport until its callback returns. */
struct bh_exchange {
    enum bh_handed_over handed_over;
    enum bh_trouble trouble;
    int http_status;       /* final status (>= 200); 0: none seen */
    bool headers_complete; /* the blank line behind the answer's headers was seen */
    bool body_complete;    /* the answer ended as its framing says */
    bh_ms retry_after_ms;  /* from Retry-After; -1: none */
    struct bh_str body;
    /* Since the request began, which is when it left the transport's line. */
    int64_t
        connected_at_us; /* its own connection stood, TLS too; 0: it did not need one, or got none */
    int64_t sent_at_us;  /* its first byte was about to leave; 0: none did */
    int64_t first_byte_at_us; /* 0: no answer byte */
    int64_t total_us;
    bool new_connection;
    char detail[160]; /* the library's words, for people */
};

enum bh_outcome_kind {
    BH_OUTCOME_ACCEPTED, /* an answer that could be read, at least one recipient accepted */
    BH_OUTCOME_REFUSED, /* an answer that could be read, nobody accepted; `code` or `http_status` tells */
    BH_OUTCOME_UNSENT,    /* certainly not processed */
    BH_OUTCOME_UNCERTAIN, /* may have been processed; nothing readable came back */
};

/* One recipient's result; the array is in the order of the request's recipients. */
struct bh_recipient_result {
    bool answered; /* the answer spoke about this recipient */
    bool accepted;
    int code;            /* 100 when accepted, else the gateway's code (0 unknown) */
    char id[24];         /* message id as digits; empty: none */
    int parts;           /* 0 unknown (voice: 0) */
    int64_t price_micro; /* price in millionths of the account's currency; -1 unknown */
    char msisdn[24];     /* normalised recipient as the answer names it; empty: none */
    char error[96];      /* the gateway's words; empty: none */
};

struct bh_outcome {
    enum bh_outcome_kind kind;
    int code;        /* the gateway's code for the whole request; 0 none */
    int http_status; /* 0 none */
    enum bh_trouble trouble;
    bh_ms retry_after_ms;      /* -1 none */
    int64_t balance_micro;     /* INT64_MIN unknown */
    int64_t total_price_micro; /* -1 unknown */
    char encoding[8];          /* "gsm", "ucs2" or "" */
    struct bh_recipient_result
        *results; /* owned by the outcome; one per recipient of the request */
    size_t results_count;
    struct bh_recipient_result *
        extras; /* owned: what else contacts and groups became, beyond the one message in their result */
    size_t extras_count;
    char error[200]; /* one sentence for a person; empty when accepted for all */
};

/* Why the gateway is not well: what the last answer that was no good one said, or its absence. */
struct bh_gateway_illness {
    enum bh_trouble trouble; /* none: an answer came */
    int http_status, code;   /* 0: none */
    bool asks_patience;      /* by Retry-After */
};

/* For people: begins in lower case, ends without a full stop. */
struct bh_illness_text {
    char text[160];
};
struct bh_illness_text bh_gateway_illness_text(const struct bh_gateway_illness *illness);

/* Frees the results and empties the outcome. */
void bh_outcome_release(struct bh_outcome *outcome);

const char *bh_outcome_kind_name(enum bh_outcome_kind kind);
const char *bh_trouble_name(enum bh_trouble trouble);

bool bh_trouble_from_name(const char *name, enum bh_trouble *ret_trouble);

/* For people: begins in lower case, ends without a full stop. */
const char *bh_trouble_sentence(enum bh_trouble trouble);

#endif
