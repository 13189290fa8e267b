/*
 * rig - one engine with a fake clock: feeds it events, collects its commands, answers them in few words.
 *
 * The engine's invariants are walked after every event and every turn.  Time moves by rig_wait alone.
 * Every helper fails the running test by an assertion of ours (abort), so that the rig needs no Criterion.
 */
#ifndef BH_TESTS_ENGINE_RIG_H
#define BH_TESTS_ENGINE_RIG_H

#include "engine/engine.h"

#define RIG_CONFIG      "[gateway]\napi_key = k\nurl = http://127.0.0.1:7077/api\n[queue a]\n"
#define RIG_EPOCH_MS    (INT64_C(1781524800) * 1000) /* the store's wall clock when ours shows 0 */
#define RIG_COMMANDS    512
#define RIG_CONNECTIONS 10000 /* open from the start, so that only tests of tokens meet GRANT */
#define RIG_NOTES       512
#define RIG_SMS(id)     "{\"id\":\"" id "\",\"to\":\"491710000001\",\"text\":\"" id "\"}"

struct rig_note {
    char event[24];
    char id[BH_JOB_ID_MAX + 1];
    char text[240];
    enum bh_log_level level;
};

struct rig {
    struct bh_engine *engine;
    struct bh_config *config;                 /* owned; the one in force */
    bh_ms now_ms;                             /* our monotonic clock, begins at a day */
    struct bh_command commands[RIG_COMMANDS]; /* given, not yet looked at */
    size_t commands_count;
    struct rig_note notes[RIG_NOTES];
    size_t notes_count;
    unsigned handles; /* of claimed jobs, for fresh ones */
    uint64_t token;
    uint64_t suspects; /* so many wait, by the answers of claims from now on */
    const struct bh_sent_trace *sent_before; /* of the jobs that are claimed now */
};

/* Read a configuration; aborts with the report when it is not valid. */
struct bh_config *rig_config(const char *ini);

void rig_start(struct rig *rig, const char *ini);
void rig_stop(struct rig *rig);
void rig_configure(struct rig *rig, const char *ini);

struct bh_turn rig_turn(const struct rig *rig);
struct bh_wall rig_server_now(const struct rig *rig);

/* Feed an event and collect the commands that follow. */
void rig_feed(struct rig *rig, const struct bh_event *event);
void rig_feed_kind(struct rig *rig, enum bh_event_kind kind);

/* Collect the commands that are due now. */
void rig_pump(struct rig *rig);

/* Let time pass, stopping at every moment at which the engine wants to wake. */
void rig_wait(struct rig *rig, bh_ms by_ms);

/* The first collected command of that kind, taken out; false when there is none. */
bool rig_take(struct rig *rig, enum bh_command_kind kind, struct bh_command *ret_command);

/* The same, but it has to be there. */
struct bh_command rig_get(struct rig *rig, enum bh_command_kind kind);

/* How many of that kind have been collected and not taken. */
unsigned rig_count(const struct rig *rig, enum bh_command_kind kind);

/* Throw away what was collected. */
void rig_forget(struct rig *rig, enum bh_command_kind kind);

/* How many notes of that event there were. */
unsigned rig_noted(const struct rig *rig, const char *event);

/* ---- answers ---- */

struct rig_job {
    const char *payload;
    const char *head; /* NULL: of a fresh job */
};

/* Answer a CLAIM that was asked `ago_ms` ago; "more" tells that there is more. */
void rig_claimed_late(struct rig *rig, const struct bh_command *claim, const struct rig_job *jobs,
                      size_t count, bool more, bh_ms ago_ms);
void rig_claimed(struct rig *rig, const struct bh_command *claim, const struct rig_job *jobs,
                 size_t count, bool more);
/* Take the waiting CLAIM and answer it with fresh jobs. */
void rig_give(struct rig *rig, const char *const *payloads, size_t count);
void rig_give_one(struct rig *rig, const char *payload, const char *head);
/* A job of which something is known outside Redis. */
void rig_give_known(struct rig *rig, const char *payload, const char *head,
                    const struct bh_sent_trace *sent_before);

void rig_admitted(struct rig *rig, const struct bh_command *admit, enum bh_admit_code code,
                  bh_ms wait_ms);
void rig_answered_exchange(struct rig *rig, const struct bh_command *submit,
                           const struct bh_exchange *exchange);
/* The gateway's answer with HTTP 200 and that body. */
void rig_answered(struct rig *rig, const struct bh_command *submit, const char *body);
void rig_answered_status(struct rig *rig, const struct bh_command *submit, int http_status,
                         bh_ms retry_after_ms);
/* No answer. */
void rig_silence(struct rig *rig, const struct bh_command *submit, enum bh_handed_over handed_over,
                 enum bh_trouble trouble);
void rig_settled(struct rig *rig, const struct bh_command *settle, enum bh_settle_code code);
void rig_renewed(struct rig *rig, const struct bh_command *renew, enum bh_renew_code code);
void rig_granted(struct rig *rig, const struct bh_command *grant, unsigned count, bh_ms wait_ms);
void rig_twin(struct rig *rig, const struct bh_command *twin, enum bh_twin_code code,
              bh_ms wait_ms);
void rig_account(struct rig *rig, enum bh_account_state state, enum bh_reason reason);
/* What is known of journal and lock; the account is open. */
void rig_witnesses(struct rig *rig, enum bh_journal_access journal, enum bh_lock_knowledge lock);

/* From its claim to its request, with every answer a yes; returns the SUBMIT. */
struct bh_command rig_bring_to_submit(struct rig *rig, const char *payload);

/* The value of a field of a SETTLE or ADMIT, in a static buffer; NULL when it is not there. */
const char *rig_field(const struct bh_field *fields, size_t count, const char *name);

#endif
