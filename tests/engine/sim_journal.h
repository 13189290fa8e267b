/*
 * sim_journal - the gateway's journal as the simulation sees it: who was accepted when, seen after a while, and not
 * by everybody.
 */
#ifndef BH_TESTS_ENGINE_SIM_JOURNAL_H
#define BH_TESTS_ENGINE_SIM_JOURNAL_H

#include "core/zone.h"
#include "engine/sim_store.h"

#define SIM_ENTRIES_MAX 4096

struct sim_entry {
    unsigned job;
    size_t person;
    unsigned long long number;
    char foreign_id[BH_JOB_ID_MAX + 1];
    int64_t at, seen_at;
};

struct sim_journal {
    struct bh_dice *dice;
    struct sim_entry entries[SIM_ENTRIES_MAX]; /* oldest first */
    unsigned count;
    int64_t lag_ms; /* until an entry is seen, at most */
    bool refuses;   /* the key may not read it, by now */
    bool has_faults;
    unsigned asked, shown;
};

/* An answer to a question, and whose entries of the asking job stand in it. */
struct sim_page {
    struct bh_exchange exchange; /* its body points into `body` */
    bool is_lost;                /* nothing comes back until the request's time is over */
    bool shows[SIM_PEOPLE_MAX];
    char body[16 * 1024];
};

void sim_journal_note(struct sim_journal *journal, const struct sim_entry *entry);

/* Answer what a GET of `url` for `job` asks at `now`. */
void sim_journal_answer(struct sim_journal *journal, const char *url, unsigned job, int64_t now,
                        const struct bh_zone *zone, bool key_refused, struct sim_page *ret_page);

#endif
