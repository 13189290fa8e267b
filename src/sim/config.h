/*
 * config - everything that can be told the simulator, by INI file at start or by /_sim/config later.
 *
 * Both ways end in bh_sim_config_set(section, key, value), so every setting exists in both.  A struct that
 * bh_sim_config_init has filled is complete: the simulator is usable without any file.
 *
 * INI: "[section]", "key = value", comments are whole lines that start with # or ;.  Unknown sections and
 * keys, lines that are neither, and values out of range are errors with their line number.
 */
#ifndef BH_SIM_CONFIG_H
#define BH_SIM_CONFIG_H

#include <bellhop/error.h>

#include "sim/answer.h"
#include "sim/base.h"

/* Endpoints that rights can be given for. */
enum bh_sim_right {
    BH_SIM_RIGHT_SMS,
    BH_SIM_RIGHT_VOICE,
    BH_SIM_RIGHT_BALANCE,
    BH_SIM_RIGHT_HOOKS,
    BH_SIM_RIGHT_STATUS,
    BH_SIM_RIGHT_JOURNAL,
    BH_SIM_RIGHT_PRICING,
    BH_SIM_RIGHT_LOOKUP,
    BH_SIM_RIGHT_VALIDATE,
    BH_SIM_RIGHT_CONTACTS,
    BH_SIM_RIGHT_GROUPS,
    BH_SIM_RIGHT_ANALYTICS,
    BH_SIM_RIGHT_COUNT,
};

extern const char *const BH_SIM_RIGHT_NAMES[BH_SIM_RIGHT_COUNT];

enum bh_sim_refusal { BH_SIM_REFUSAL_BARE, BH_SIM_REFUSAL_QUOTED, BH_SIM_REFUSAL_OBJECT };
enum bh_sim_all_failed { BH_SIM_ALL_FAILED_CODE, BH_SIM_ALL_FAILED_100, BH_SIM_ALL_FAILED_101 };
enum bh_sim_signing { BH_SIM_SIGNING_OFF, BH_SIM_SIGNING_OPTIONAL, BH_SIM_SIGNING_REQUIRED };
enum bh_sim_over { BH_SIM_OVER_429, BH_SIM_OVER_503, BH_SIM_OVER_REFUSE };
enum bh_sim_framing { BH_SIM_FRAMING_CHUNKED, BH_SIM_FRAMING_LENGTH, BH_SIM_FRAMING_CLOSE };
enum bh_sim_labels { BH_SIM_LABELS_GERMAN, BH_SIM_LABELS_ENGLISH };
enum bh_sim_hook_body { BH_SIM_HOOK_BODY_NESTED, BH_SIM_HOOK_BODY_FLAT };
enum bh_sim_hook_order {
    BH_SIM_HOOK_ORDER_NORMAL,
    BH_SIM_HOOK_ORDER_REVERSED,
    BH_SIM_HOOK_ORDER_SHUFFLED
};
enum bh_sim_voice_failure { BH_SIM_VOICE_FAILURE_BARE, BH_SIM_VOICE_FAILURE_LINES };

struct bh_sim_key {
    char *secret; /* owned */
    int64_t sandbox;
    int64_t enabled;
    uint32_t rights; /* bit per enum bh_sim_right */
};

/* A contact (value: its number), a group (value: numbers and contacts, commas) or a price (key: prefix). */
struct bh_sim_pair {
    int64_t id;  /* counts from 1, never used again */
    char *name;  /* owned */
    char *value; /* owned */
};

struct bh_sim_pairs {
    struct bh_sim_pair *items; /* owned */
    size_t count;
    int64_t last_id;
};

/* Scalars are int64_t so that one table can describe them all. */
struct bh_sim_config {
    /* [gateway] */
    int64_t era;
    int64_t json_refusal;     /* enum bh_sim_refusal */
    int64_t voice_failure;    /* enum bh_sim_voice_failure */
    int64_t partial_code;     /* 100 or 101 */
    int64_t all_failed;       /* enum bh_sim_all_failed */
    int64_t labels;           /* enum bh_sim_labels */
    int64_t limit_parameters; /* refuse a bad label (802) or foreign_id (801); else they are cut */
    char *sender;             /* owned; `from` when the request has none */
    char *caller;             /* owned; the same for voice */
    int64_t dice;
    int64_t answer_delay_ms;
    int64_t journal_max, counters_max, locks_max, events_max;

    /* [http] */
    int64_t framing; /* enum bh_sim_framing */
    int64_t idle_ms, request_ms;
    int64_t requests_per_connection;
    int64_t connections_per_second; /* 0: no limit */
    int64_t over_limit;             /* enum bh_sim_over */
    int64_t connections_max;
    int64_t upgrade_header;

    /* [account] */
    bh_sim_money balance;
    char *login, *password, *bearer, *allow, *signing_key, *public_url; /* owned */
    int64_t signing;                                                    /* enum bh_sim_signing */
    int64_t daily_limit;                                                /* 0: none */

    /* [lock] */
    int64_t lock_enabled;
    int64_t lock_seconds;

    /* [journal] */
    int64_t journal_retention; /* no: nothing is shown */
    int64_t journal_lag_ms;    /* a message is shown so long after it was accepted */

    /* [prices] */
    bh_sim_money price_sms, price_voice, price_voice_minute, price_hlr, price_mnp, price_cnam;

    /* [reports] */
    char *plan;       /* owned; see reports.h */
    char *voice_plan; /* owned */
    double speed;
    /* Shares of the reports, in millionths; see hooks.h. */
    int64_t report_shuffle, report_repeat, report_empty, report_lost, report_late, report_early;
    int64_t report_late_s, report_early_ms;

    /* [hooks] */
    int64_t hook_body;  /* enum bh_sim_hook_body */
    int64_t hook_order; /* enum bh_sim_hook_order */
    int64_t hook_repeat, hook_empty_every, hook_delay_ms, hook_timeout_ms, hook_parallel;
    int64_t hook_disable_after; /* webhooks that were given up in a row; 0: never */

    bool allow_remote; /* command line only */

    struct bh_sim_key *keys; /* owned */
    size_t keys_count;
    struct bh_sim_pairs contacts, groups, prices;
};

void bh_sim_config_init(struct bh_sim_config *config);
void bh_sim_config_release(struct bh_sim_config *config);

/* Change one setting.  On failure nothing has changed and *ret_error says why. */
bool bh_sim_config_set(struct bh_sim_config *config, struct bh_sim_str section,
                       struct bh_sim_str key, struct bh_sim_str value, struct bh_error *ret_error);

/* Apply a whole INI text; stops at the first error, whose text begins with "line N: ". */
bool bh_sim_config_read(struct bh_sim_config *config, struct bh_sim_str text,
                        struct bh_error *ret_error);

/* Write "[section] key = value" for all settings, as documentation of what is in force. */
void bh_sim_config_print(const struct bh_sim_config *config, struct bh_sim_buf *buf);

const struct bh_sim_key *bh_sim_config_key(const struct bh_sim_config *config,
                                           struct bh_sim_str secret);

/* Set or add; false when there are too many, or the name is empty. */
bool bh_sim_pairs_set(struct bh_sim_pairs *pairs, struct bh_sim_str name, struct bh_sim_str value);
struct bh_sim_pair *bh_sim_pairs_by_id(struct bh_sim_pairs *pairs, int64_t id); /* NULL: none */
bool bh_sim_pairs_remove(struct bh_sim_pairs *pairs, int64_t id);

/* The value of that name, NULL when there is none.  Names are compared without regard to case. */
const char *bh_sim_pairs_find(const struct bh_sim_pairs *pairs, struct bh_sim_str name);

#endif
