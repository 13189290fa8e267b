/*
 * Which alerts are due: each row is a story of what is seen second by second, and of what has to be told when.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/alert.h"
#include "core/json.h"

#define REPEAT_MS BH_MINUTE_MS

static struct bh_alert_board board;

/* One look at one condition; what was told, as "f", "r", "o" (over). */
static void
look(bh_ms at, enum bh_alert_kind kind, const char *subject, char seen, char *told)
{
    struct bh_alert alert;
    bh_alert_begin(&board, (struct bh_mono){at}, (struct bh_wall){at + 1000000});
    if (seen != '-') {
        struct bh_alert_condition condition = {
            .kind = kind,
            .sight = seen == 'y'   ? BH_ALERT_SIGHT_YES
                     : seen == '?' ? BH_ALERT_SIGHT_UNKNOWN
                                   : BH_ALERT_SIGHT_NO,
        };
        snprintf(condition.subject, sizeof(condition.subject), "%s", subject);
        bh_alert_show(&board, &condition);
    }
    while (bh_alert_next(&board, REPEAT_MS, &alert))
        *told++ = "fro"[alert.event];
    *told = '\0';
}

/*
 * y holds, n does not, ? cannot be seen, - is not shown; each followed by for how many seconds.  Wanted: what is told,
 * each with the second.
 */
static const struct {
    const char *name, *seen, *wanted;
} stories[] = {
    {"nothing is wrong",                      "n99",                  ""                 },
    {"never shown",                           "-99",                  ""                 },
    {"cannot be seen from the beginning",     "?99",                  ""                 },
    {"a moment",                              "n3 y1 n99",            ""                 },
    {"just too short",                        "y5 n99",               ""                 },
    {"just long enough",                      "y6 n99",               "f5 o36 "          },
    {"comes and goes before it was told",     "y4 n1 y4 n1 y4 n1",    ""                 },
    {"lasts",                                 "y200",                 "f5 r65 r125 r185 "},
    {"is over",                               "y10 n60",              "f5 o40 "          },
    {"is away for a moment",                  "y10 n29 y10 n60",      "f5 o79 "          },
    {"is away for a moment again and again",  "y10 n20 y1 n20 y1 n5", "f5 "              },
    {"flaps for longer than the distance",    "y10 n20 y10 n20 y9",   "f5 r65 "          },
    {"comes back behind its end",             "y10 n40 y10",          "f5 o40 f55 "      },
    {"cannot be seen while it lasts",         "y10 ?100 y10",         "f5 r110 "         },
    {"cannot be seen, and is over then",      "y10 ?100 n31",         "f5 o140 "         },
    {"cannot be seen while it is on its way", "n2 ?50 y6",            "f57 "             },
    {"is taken out of the configuration",     "y10 -40",              "f5 o40 "          },
    {"is taken out before it was told",       "y3 -40 y3 -9",         ""                 },
    {"cannot be seen, then is taken out",     "y10 ?10 -40",          "f5 o50 "          },
};

static void
play(const char *seen, char *told, size_t size)
{
    bh_ms second = 0;
    int used, seconds;
    char sight;
    memset(&board, 0, sizeof(board));
    told[0] = '\0';
    for (; sscanf(seen, " %c%d%n", &sight, &seconds, &used) == 2; seen += used) {
        for (int i = 0; i < seconds; i++, second++) {
            char now[8];
            look(second * BH_SECOND_MS, BH_ALERT_DEAD_JOBS, "sms", sight, now);
            for (const char *event = now; *event != '\0'; event++)
                snprintf(told + strlen(told), size - strlen(told), "%c%d ", *event, (int)second);
        }
    }
}

Test(alert, tells_what_lasts_and_not_what_flickers)
{
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        char told[256];
        play(stories[i].seen, told, sizeof(told));
        cr_expect_str_eq(told, stories[i].wanted, "%s: told \"%s\", wanted \"%s\"", stories[i].name,
                         told, stories[i].wanted);
    }
}

Test(alert, counts_time_and_tellings)
{
    struct bh_alert alert = {.told = 0};
    memset(&board, 0, sizeof(board));
    unsigned tellings = 0;
    for (bh_ms at = 0; at <= 66 * BH_SECOND_MS; at += BH_SECOND_MS) {
        bh_alert_begin(&board, (struct bh_mono){at}, (struct bh_wall){at + 1000000});
        bh_alert_show(&board,
                      &(struct bh_alert_condition){
                          .kind = BH_ALERT_BALANCE_LOW, .sight = BH_ALERT_SIGHT_YES, .value = at});
        while (bh_alert_next(&board, REPEAT_MS, &alert))
            tellings++;
    }
    cr_expect_eq(tellings, 2);
    cr_expect_eq(alert.told, 2);
    cr_expect_eq(alert.since.ms, 1000000);
    cr_expect_eq(alert.lasted_ms, 65 * BH_SECOND_MS);
    cr_expect_eq(alert.condition.value, 65 * BH_SECOND_MS);
    cr_expect_eq(bh_alert_firing(&board), 1);
}

Test(alert, keeps_kinds_and_queues_apart)
{
    char told[BH_ALERT_ROWS + 1];
    memset(&board, 0, sizeof(board));
    struct bh_alert alert;
    size_t fired = 0;
    for (bh_ms at = 0; at < 6 * BH_SECOND_MS; at += BH_SECOND_MS) {
        bh_alert_begin(&board, (struct bh_mono){at}, (struct bh_wall){at});
        for (unsigned kind = 0; kind < BH_ALERT_KIND_COUNT; kind++) {
            for (const char *const *name = (const char *const[]){"sms", "sms2", "", NULL}; *name;
                 name++) {
                struct bh_alert_condition condition = {.kind = (enum bh_alert_kind)kind,
                                                       .sight = BH_ALERT_SIGHT_YES};
                snprintf(condition.subject, sizeof(condition.subject), "%s", *name);
                bh_alert_show(&board, &condition);
            }
        }
        while (bh_alert_next(&board, REPEAT_MS, &alert))
            fired++;
    }
    cr_expect_eq(fired, 3 * BH_ALERT_KIND_COUNT);
    look(60 * BH_SECOND_MS, BH_ALERT_DEAD_JOBS, "sms", 'y', told);
    cr_expect_eq(bh_alert_firing(&board), 3 * BH_ALERT_KIND_COUNT, "their end takes its time");
    look(95 * BH_SECOND_MS, BH_ALERT_DEAD_JOBS, "sms", 'y', told);
    cr_expect_eq(bh_alert_firing(&board), 1);
}

Test(alert, has_room_for_so_many_and_counts_the_others)
{
    struct bh_alert alert;
    size_t fired = 0;
    memset(&board, 0, sizeof(board));
    for (bh_ms at = 0; at <= 5 * BH_SECOND_MS; at += 5 * BH_SECOND_MS) {
        bh_alert_begin(&board, (struct bh_mono){at}, (struct bh_wall){at});
        for (unsigned i = 0; i < BH_ALERT_ROWS + 10; i++) {
            struct bh_alert_condition condition = {.kind = BH_ALERT_OLDEST_JOB,
                                                   .sight = BH_ALERT_SIGHT_YES};
            snprintf(condition.subject, sizeof(condition.subject), "q%u", i);
            bh_alert_show(&board, &condition);
        }
        while (bh_alert_next(&board, REPEAT_MS, &alert))
            fired++;
    }
    cr_expect_eq(fired, BH_ALERT_ROWS);
    cr_expect_eq(board.overflown, 20);
}

Test(alert, is_written_as_json)
{
    const struct bh_alert alert = {
        .event = BH_ALERT_REPEATED,
        .condition = {.kind = BH_ALERT_DEAD_JOBS,
                      .subject = "sms",
                      .text = "a \"word\"\nand\t\x01 more",
                      .value = 12,
                      .limit = 10},
        .since = {1000},
        .lasted_ms = 5000,
        .told = 2,
    };
    struct bh_buf buf;
    bh_buf_init(&buf, 4096);
    cr_assert_eq(bh_alert_write_json(&alert, "host-1", (struct bh_wall){6000}, &buf), BH_OK);
    cr_expect_str_eq(bh_buf_text(&buf),
                     "{\"event\":\"repeated\",\"alert\":\"dead_jobs\",\"queue\":\"sms\","
                     "\"text\":\"a \\\"word\\\"\\nand\\t\\u0001 more\",\"value\":12,\"limit\":10,"
                     "\"since\":1000,\"at\":6000,\"lasted_ms\":5000,\"told\":2,"
                     "\"instance\":\"host-1\"}");
    bh_buf_release(&buf);
}
