/*
 * world - all that the simulated gateway knows, and one request on its way through.
 *
 * No sockets here: the server calls in with a complete request and carries the answer out.  Time is
 * bh_sim_now_ms: the machine's clock plus an offset that tests may move, so that a lock of 180 seconds
 * or a report after 48 hours can be tested at once.
 */
#ifndef BH_SIM_WORLD_H
#define BH_SIM_WORLD_H

#include "sim/answer.h"
#include "sim/base.h"
#include "sim/config.h"
#include "sim/faults.h"
#include "sim/http.h"
#include "sim/journal.h"
#include "sim/params.h"
#include "sim/table.h"

struct bh_sim_hooks;

struct bh_sim_stats {
    uint64_t requests;
    uint64_t connections;
    uint64_t connections_refused;
    uint64_t open, open_max;
    uint64_t in_flight, in_flight_max;
    uint64_t bad_requests; /* not HTTP, or refused while being read */
    uint64_t accepted[BH_SIM_KIND_COUNT];
    uint64_t debug_accepted; /* by debug=1 or a sandbox key */
    uint64_t refused;        /* recipients that got another code than 100 */
    uint64_t cancelled;
    uint64_t locked; /* 402 given */
    uint64_t
        unlocked; /* same text, type and recipient within the lock time, accepted all the same */
    bh_sim_money spent;
    struct bh_sim_table recipients; /* by number, with text */
    struct bh_sim_table pairs;      /* by kind, number, text; the text is kept from the second on */
    struct bh_sim_table foreign_ids;
    struct bh_sim_table answers; /* "POST /api/sms 100" */
    uint64_t early;              /* messages that were reported before their answer left */
};

struct bh_sim_world {
    struct bh_sim_config config;
    char *ini; /* owned; the file's text, for a reset */
    int64_t clock_offset_ms;
    uint64_t dice;
    struct bh_sim_stats stats;
    struct bh_sim_journal journals[BH_SIM_KIND_COUNT];
    struct bh_sim_table locks;     /* reload lock: until_ms is its end */
    struct bh_sim_table daily;     /* per recipient and day */
    struct bh_sim_table nonces;    /* of signatures */
    struct bh_sim_table plans;     /* report plan per recipient: text */
    struct bh_sim_table validated; /* numbers that validate_for_voice knows */
    struct bh_sim_faults faults;
    struct bh_sim_hooks *hooks; /* owned; NULL in tests without a loop */
    int64_t date_second;        /* of `date`, the Date header, printed once a second */
    char date[64];
    size_t date_len;
};

/* One recipient of a request. */
struct bh_sim_result {
    struct bh_sim_str number; /* normalised; empty when it could not be read */
    int code;                 /* 100, or why not */
    int64_t id;               /* 0: none */
    bh_sim_money price;
};

struct bh_sim_exchange {
    struct bh_sim_http *http; /* borrowed */
    const char *peer; /* borrowed; the client's address, "unix" for a socket in the file system */
    int64_t connection_request;  /* counts from 1 on each connection */
    struct bh_sim_params params; /* owned */
    bool body_unreadable;        /* a JSON body that is none */
    struct bh_sim_answer answer; /* owned */
    struct bh_sim_effect effect;
    const struct bh_sim_key *key;  /* borrowed; NULL before authentication */
    bool wants_json;               /* json=1, or Accept in the eras that look at it */
    bool accepts_json;             /* Accept: application/json */
    struct bh_sim_buf scratch;     /* owned; what the results' views point into */
    struct bh_sim_result *results; /* owned */
    size_t results_count, results_capacity;
};

/* `ini` may be NULL.  False: *ret_error says what is wrong with it. */
bool bh_sim_world_init(struct bh_sim_world *world, const char *ini, struct bh_error *ret_error);
void bh_sim_world_release(struct bh_sim_world *world);

/* As after the start, but faults and hooks go too, and ids go on rising. */
void bh_sim_world_reset(struct bh_sim_world *world);

int64_t bh_sim_now_ms(const struct bh_sim_world *world);

/* Does something happen that has this share, in millionths?  Without a share the dice are left alone. */
bool bh_sim_happens(struct bh_sim_world *world, int64_t share);

void bh_sim_exchange_release(struct bh_sim_exchange *exchange);
void bh_sim_exchange_clear(struct bh_sim_exchange *exchange);

/* The answer leaves no sooner than that after the request was processed. */
void bh_sim_exchange_hold(struct bh_sim_exchange *exchange, int64_t hold_ms);
struct bh_sim_result *bh_sim_exchange_add_result(struct bh_sim_exchange *exchange);

/* Fill `params` and what follows from the headers; before any fault or endpoint looks. */
void bh_sim_exchange_open(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

/*
 * Refuse the whole request with a code: bare, quoted or as an object (config json_refusal), always with
 * HTTP 200.
 */
void bh_sim_refuse(struct bh_sim_world *world, struct bh_sim_exchange *exchange, int code);

/* Content type of a JSON answer in this era. */
void bh_sim_answer_json(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

/* Count an accepted message, charge nothing.  Called at the moment of acceptance and nowhere else. */
void bh_sim_stats_accept(struct bh_sim_world *world, const struct bh_sim_message *message);
void bh_sim_stats_answer(struct bh_sim_world *world, const struct bh_sim_exchange *exchange);

#endif
