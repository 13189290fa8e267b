/*
 * From what is known to the alerts that hold: one row per state of the world.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/alert_facts.h"

/* Everything is well; rows change one thing. */
static struct bh_alert_facts
good(void)
{
    struct bh_alert_facts facts = {
        .redis_up = true,
        .surveyed = true,
        .account_known = true,
        .account_open = true,
        .balance_known = true,
        .balance_micro = 50000000,
        .queues_count = 1,
        .queues[0] =
            {.name = "sms", .known = true, .oldest_ms = 1000, .dead = 3, .unknown_ever = 7},
    };
    return facts;
}

static void
well(struct bh_alert_facts *f)
{
    (void)f;
}
static void
away(struct bh_alert_facts *f)
{
    f->redis_up = false;
}
static void
paused(struct bh_alert_facts *f)
{
    f->account_open = false;
    (void)snprintf(f->account_reason, sizeof(f->account_reason), "credit");
}
static void
paused_unknown(struct bh_alert_facts *f)
{
    f->account_open = false;
    f->account_known = false;
}
static void
poor(struct bh_alert_facts *f)
{
    f->balance_micro = 4999999;
}
static void
just_enough(struct bh_alert_facts *f)
{
    f->balance_micro = 5000000;
}
static void
debt(struct bh_alert_facts *f)
{
    f->balance_micro = -1;
}
static void
no_balance(struct bh_alert_facts *f)
{
    f->balance_known = false;
    f->balance_micro = INT64_MIN;
}
static void
risky(struct bh_alert_facts *f)
{
    (void)snprintf(f->redis_risk, sizeof(f->redis_risk), "appendonly is off.");
}
static void
risky_unasked(struct bh_alert_facts *f)
{
    risky(f);
    f->surveyed = false;
}
static void
old(struct bh_alert_facts *f)
{
    f->queues[0].oldest_ms = BH_HOUR_MS;
}
static void
nearly_old(struct bh_alert_facts *f)
{
    f->queues[0].oldest_ms = BH_HOUR_MS - 1;
}
static void
old_unknown(struct bh_alert_facts *f)
{
    old(f);
    f->queues[0].known = false;
}
static void
dead(struct bh_alert_facts *f)
{
    f->queues[0].dead = 10;
}
static void
many_dead(struct bh_alert_facts *f)
{
    f->queues[0].dead = 10000000;
}
static void
nearly_dead(struct bh_alert_facts *f)
{
    f->queues[0].dead = 9;
}
static void
unknown(struct bh_alert_facts *f)
{
    f->queues[0].unknown_ever = 8;
}
static void
counters_gone(struct bh_alert_facts *f)
{
    f->queues[0].unknown_ever = 0;
}
static void
all(struct bh_alert_facts *f)
{
    paused(f);
    poor(f);
    old(f);
    dead(f);
    unknown(f);
    risky(f);
}

static const struct {
    const char *name;
    void (*change)(struct bh_alert_facts *facts);
    const char *wanted; /* kinds, in their order */
} rows[] = {
    {"all is well",                              well,           ""               },
    {"Redis is away",                            away,           "redis_away "    },
    {"the account is paused",                    paused,         "account_paused "},
    {"nobody knows whether it is paused",        paused_unknown, ""               },
    {"too little money",                         poor,           "balance_low "   },
    {"as much money as wanted",                  just_enough,    ""               },
    {"less than nothing",                        debt,           "balance_low "   },
    {"the balance is not known",                 no_balance,     ""               },
    {"Redis may lose jobs",                      risky,          "redis_unsafe "  },
    {"the server was not asked yet",             risky_unasked,  ""               },
    {"an old job",                               old,            "oldest_job "    },
    {"a job that is nearly old",                 nearly_old,     ""               },
    {"an old job in figures that are not known", old_unknown,    ""               },
    {"as many dead ones as allowed",             dead,           "dead_jobs "     },
    {"very many dead ones",                      many_dead,      "dead_jobs "     },
    {"nearly too many dead ones",                nearly_dead,    ""               },
    {"one more unknown",                         unknown,        "uncertain "     },
    {"the counters began anew",                  counters_gone,  ""               },
    {"everything at once",                       all,
     "account_paused balance_low oldest_job uncertain dead_jobs redis_unsafe "    },
};

static struct bh_alert_board board;

static void
fired(const struct bh_alert_facts *facts, const struct bh_config *config,
      struct bh_alert_memory *memory, bh_ms at, bool kinds[BH_ALERT_KIND_COUNT])
{
    struct bh_alert alert;
    bh_alert_begin(&board, (struct bh_mono){at}, (struct bh_wall){at});
    bh_alert_facts_show(facts, config, memory, &board);
    while (bh_alert_next(&board, BH_DAY_MS, &alert))
        kinds[alert.condition.kind] = alert.event == BH_ALERT_FIRED;
}

static struct bh_config
limits(void)
{
    return (struct bh_config){
        .gateway.low_balance_micro = 5000000,
        .alert = {.oldest_job_ms = BH_HOUR_MS, .dead_jobs = 10}
    };
}

static void
judge(void (*change)(struct bh_alert_facts *), const struct bh_config *config, char *told,
      size_t size)
{
    struct bh_alert_memory memory = {0};
    bool kinds[BH_ALERT_KIND_COUNT] = {false};
    struct bh_alert_facts facts = good();
    memset(&board, 0, sizeof(board));
    fired(&facts, config, &memory, 0, kinds);
    change(&facts);
    for (bh_ms at = 1000; at <= 40000; at += 1000)
        fired(&facts, config, &memory, at, kinds);
    told[0] = '\0';
    for (unsigned kind = 0; kind < BH_ALERT_KIND_COUNT; kind++) {
        if (kinds[kind])
            snprintf(told + strlen(told), size - strlen(told), "%s ",
                     bh_alert_kind_name((enum bh_alert_kind)kind));
    }
}

Test(alert_facts, become_the_alerts_that_hold)
{
    const struct bh_config config = limits();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char told[256];
        judge(rows[i].change, &config, told, sizeof(told));
        cr_expect_str_eq(told, rows[i].wanted, "%s: told \"%s\"", rows[i].name, told);
    }
}

Test(alert_facts, are_not_judged_by_limits_that_are_not_set)
{
    const struct bh_config config = {.gateway.low_balance_micro = 0};
    char told[256];
    judge(all, &config, told, sizeof(told));
    cr_expect_str_eq(told, "account_paused uncertain redis_unsafe ");
}

/* Programs put them into mails and onto terminals; an operator's reason and Redis' words are texts of any kind. */
Test(alert_facts, are_told_in_one_line_that_commands_nothing)
{
    static const struct {
        const char *text, *wanted;
    } texts[] = {
        {"why not",                                  ": why not;"                                 },
        {"a\r\nSubject: b\tc",                       ": a  Subject: b c;"                         },
        {"\x1b[2Ja\x7f",                             ":  [2Ja ;"                                  },
        {"\xC2\x9B"
         "2Ja\xC2\x85",                     ":   2Ja  ;"                                 },
        {"\xC2\xA0 gr\xC3\xBC\xC3\x9F \xE2\x82\xAC", ": \xC2\xA0 gr\xC3\xBC\xC3\x9F \xE2\x82\xAC;"},
    };
    const struct bh_config config = limits();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bh_alert_memory memory = {0};
        struct bh_alert_facts facts = good();
        struct bh_alert alert = {.condition.text = ""};
        memset(&board, 0, sizeof(board));
        paused(&facts);
        (void)snprintf(facts.account_text, sizeof(facts.account_text), "%s", texts[i].text);
        for (bh_ms at = 0; at <= 40000 && alert.condition.text[0] == '\0'; at += 1000) {
            bh_alert_begin(&board, (struct bh_mono){at}, (struct bh_wall){at});
            bh_alert_facts_show(&facts, &config, &memory, &board);
            (void)bh_alert_next(&board, BH_DAY_MS, &alert);
        }
        cr_expect(strstr(alert.condition.text, texts[i].wanted) != NULL, "%zu: %s", i,
                  alert.condition.text);
    }
}

Test(alert_facts, forget_unknown_jobs_an_hour_behind_the_last_one)
{
    const struct bh_config config = limits();
    struct bh_alert_memory memory = {0};
    struct bh_alert_facts facts = good();
    struct bh_alert alert;
    char told[16] = "";
    memset(&board, 0, sizeof(board));
    for (bh_ms at = 0; at <= 3 * BH_HOUR_MS; at += 5 * BH_SECOND_MS) {
        if (at == BH_MINUTE_MS || at == BH_HOUR_MS)
            facts.queues[0].unknown_ever += 2;
        bh_alert_begin(&board, (struct bh_mono){at}, (struct bh_wall){at});
        bh_alert_facts_show(&facts, &config, &memory, &board);
        while (bh_alert_next(&board, BH_DAY_MS, &alert)) {
            snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s",
                     bh_alert_event_name(alert.event));
            if (alert.event == BH_ALERT_RESOLVED) {
                cr_expect_eq(alert.condition.value, 4);
                cr_expect_geq(at, 2 * BH_HOUR_MS);
                cr_expect_leq(at, 2 * BH_HOUR_MS + BH_MINUTE_MS);
            }
        }
    }
    cr_expect_str_eq(told, "firedresolved");
}
