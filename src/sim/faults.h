/*
 * faults - what shall go wrong, when, and how often.
 *
 * A fault has a kind, a moment ("at"), a match and a count.  Of all faults that match a request the
 * oldest one acts; "delay" faults act in addition.
 *
 *   at       meaning
 *   connect  before a byte of the request is read (drop, hang)
 *   head     after the header (drop, hang)
 *   body     after "bytes" of the body (drop, hang)
 *   before   all was read, nothing was accepted
 *   after    the request was processed and counted; only the answer suffers
 */
#ifndef BH_SIM_FAULTS_H
#define BH_SIM_FAULTS_H

#include <bellhop/error.h>

#include "sim/base.h"
#include "sim/params.h"

struct bh_sim_world;
struct bh_sim_exchange;

enum bh_sim_fault_kind {
    BH_SIM_FAULT_NONE,
    BH_SIM_FAULT_DELAY,     /* wait "ms" */
    BH_SIM_FAULT_CODE,      /* answer "code"; with "recipient" only for that one */
    BH_SIM_FAULT_STATUS,    /* HTTP "status", with "retry_after" and "body" */
    BH_SIM_FAULT_DROP,      /* close without an answer, "end" fin or rst */
    BH_SIM_FAULT_HANG,      /* never answer */
    BH_SIM_FAULT_CUT_HEAD,  /* only the first "bytes" of the answer (default: inside the headers) */
    BH_SIM_FAULT_CUT_BODY,  /* the header and half the body (or "bytes" of it) */
    BH_SIM_FAULT_BAD_CHUNK, /* a chunk size that is no number */
    BH_SIM_FAULT_GARBAGE,   /* bytes that are not HTTP */
    BH_SIM_FAULT_ENDLESS,   /* a body without end */
    BH_SIM_FAULT_DRIP,      /* one byte every "ms" */
    BH_SIM_FAULT_CONTINUE,  /* "100 Continue", then the end */
    BH_SIM_FAULT_EMPTY,     /* 200 with an empty body */
    BH_SIM_FAULT_UNPARSABLE,  /* 200 with "body", by default half a JSON object */
    BH_SIM_FAULT_BARE_CODE,   /* the code alone, however JSON was asked for */
    BH_SIM_FAULT_QUOTED_CODE, /* the same in quotes */
    BH_SIM_FAULT_DUPLICATE,   /* the answer twice */
    BH_SIM_FAULT_CLOSE_IDLE,  /* a good answer, then the connection is closed after "ms" */
    BH_SIM_FAULT_REDIRECT,    /* 307 to "location" */
    BH_SIM_FAULT_KIND_COUNT,
};

enum bh_sim_moment {
    BH_SIM_AT_CONNECT,
    BH_SIM_AT_HEAD,
    BH_SIM_AT_BODY,
    BH_SIM_AT_BEFORE,
    BH_SIM_AT_AFTER
};

struct bh_sim_fault {
    int64_t id;
    enum bh_sim_fault_kind kind;
    enum bh_sim_moment at;
    int64_t left; /* times still to act; -1: no end */
    int64_t nth;  /* act from the nth match on */
    int64_t every;
    double probability;
    int64_t seen, hits;
    int64_t code, status, retry_after, ms, bytes; /* retry_after, bytes: -1 none */
    bool reset;                                   /* end by RST */
    int framing;                                  /* enum bh_sim_framing, -1 as configured */
    int64_t connection_request; /* match: the nth request of its connection, 0 any */
    char *path, *method, *to, *text, *foreign_id, *key; /* match; owned; NULL any */
    char *recipient, *body, *location;                  /* owned or NULL */
};

/* What the server shall do to one request.  `fault` is borrowed until the next change of the faults. */
struct bh_sim_effect {
    enum bh_sim_fault_kind kind;
    enum bh_sim_moment at;
    bool accept; /* let the endpoint work */
    int64_t code, status, retry_after, ms, bytes;
    bool reset;
    int framing;
    int64_t delay_before_ms, delay_after_ms;
    char body[512], location[256], recipient[32];
};

struct bh_sim_faults {
    struct bh_sim_fault *items; /* owned */
    size_t count;
    int64_t next_id;
};

#define BH_SIM_FAULTS_MAX 1000

void bh_sim_faults_clear(struct bh_sim_faults *faults);
bool bh_sim_faults_remove(struct bh_sim_faults *faults, int64_t id);

/* Read one fault from flat parameters ("kind", "match[to]", ...).  False: *ret_error says why. */
bool bh_sim_faults_add(struct bh_sim_faults *faults, const struct bh_sim_params *params,
                       int64_t *ret_id, struct bh_error *ret_error);

void bh_sim_faults_print(const struct bh_sim_faults *faults, struct bh_sim_buf *buf);

void bh_sim_effect_init(struct bh_sim_effect *effect);

/* Each is asked once at its moment; false: nothing happens. */
bool bh_sim_faults_at_connect(struct bh_sim_world *world, struct bh_sim_effect *ret_effect);
bool bh_sim_faults_at_head(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                           struct bh_sim_effect *ret_effect);
bool bh_sim_faults_at_request(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                              struct bh_sim_effect *ret_effect);

#endif
