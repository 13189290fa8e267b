/*
 * journal - what was accepted, the newest `max` of each kind.
 *
 * A ring: ids of a kind are consecutive, so a message is found by its id in one step, and an old one
 * makes room for a new one.  Its texts live in one allocation of the message.
 */
#ifndef BH_SIM_JOURNAL_H
#define BH_SIM_JOURNAL_H

#include "sim/answer.h"
#include "sim/base.h"

enum bh_sim_kind { BH_SIM_KIND_SMS, BH_SIM_KIND_VOICE, BH_SIM_KIND_INBOUND, BH_SIM_KIND_COUNT };

/* Of deliveries and of calls; the order is that of BH_SIM_STATUS_NAMES. */
enum bh_sim_status {
    BH_SIM_STATUS_NONE,
    BH_SIM_STATUS_DELIVERED,
    BH_SIM_STATUS_NOTDELIVERED,
    BH_SIM_STATUS_BUFFERED,
    BH_SIM_STATUS_TRANSMITTED,
    BH_SIM_STATUS_ACCEPTED,
    BH_SIM_STATUS_EXPIRED,
    BH_SIM_STATUS_REJECTED,
    BH_SIM_STATUS_FAILED,
    BH_SIM_STATUS_UNKNOWN,
    BH_SIM_STATUS_INITIATED,
    BH_SIM_STATUS_RINGING,
    BH_SIM_STATUS_IN_PROGRESS,
    BH_SIM_STATUS_COMPLETED,
    BH_SIM_STATUS_NO_ANSWER,
    BH_SIM_STATUS_CALL_FAILED,
    BH_SIM_STATUS_COUNT,
};

extern const char *const BH_SIM_STATUS_NAMES[BH_SIM_STATUS_COUNT];

#define BH_SIM_STEPS_MAX 6

struct bh_sim_step {
    int64_t at_ms; /* on the simulator's clock */
    enum bh_sim_status status;
};

/* One text to one recipient. */
struct bh_sim_message {
    int64_t id;
    enum bh_sim_kind kind;
    int64_t at_ms;      /* acceptance */
    int64_t send_ms;    /* later than at_ms when delayed */
    bh_sim_money price; /* SMS: charged; voice: announced */
    size_t parts;
    bool ucs2, flash, is_binary, xml;
    bool cancelled;
    struct bh_sim_step steps[BH_SIM_STEPS_MAX]; /* the plan, ascending in time */
    size_t steps_count;
    int64_t ring_s;     /* how long a call rings before it is given up */
    int64_t duration_s; /* of a call that will complete */
    bool charged;       /* a call whose end has been paid for */
    struct bh_sim_str from, to, text, label, foreign_id, connection, udh;
    char *strings; /* owned; what the views point into */
};

struct bh_sim_journal {
    struct bh_sim_message **ring; /* owned, as are the messages */
    size_t max;
    int64_t first_id; /* of the very first message */
    int64_t next_id;
};

void bh_sim_journal_init(struct bh_sim_journal *journal, size_t max, int64_t first_id);
void bh_sim_journal_release(struct bh_sim_journal *journal);

/* Keep a copy of `draft` under the next id; the oldest may go.  The pointer lives until it goes. */
struct bh_sim_message *bh_sim_journal_add(struct bh_sim_journal *journal,
                                          const struct bh_sim_message *draft);

/* NULL when that id was never given or is gone. */
struct bh_sim_message *bh_sim_journal_find(const struct bh_sim_journal *journal, int64_t id);

/* The oldest id that may still be kept. */
int64_t bh_sim_journal_oldest(const struct bh_sim_journal *journal);

/* The step that holds at `now_ms`, NULL before the first one. */
const struct bh_sim_step *bh_sim_message_step(const struct bh_sim_message *message, int64_t now_ms);

#endif
