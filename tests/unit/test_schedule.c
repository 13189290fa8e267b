#include <criterion/criterion.h>

#include <string.h>

#include "core/schedule.h"

/*
 * The first delays in seconds until the schedule ends or the text is full; "..." when it goes on.
 */
static void
spell_delays(const struct bh_schedule *schedule, uint32_t count, struct bh_buf *buf)
{
    bh_ms delay;
    uint32_t i = 0;
    bh_buf_clear(buf);
    for (; i < count && bh_schedule_delay(schedule, i, &delay); i++)
        bh_buf_printf(buf, "%lld ", (long long)(delay / 1000));
    if (i == count && bh_schedule_delay(schedule, UINT32_MAX, &delay))
        bh_buf_append_text(buf, "...");
}

Test(schedule, follows_its_grammar)
{
    static const struct {
        const char *input;
        const char *delays;
        const char *formatted;
    } rows[] = {
        {"5s, 15s, 45s, 2m, 5m, 10m, 30m*", "5 15 45 120 300 600 1800 1800 ...",
         "5s, 15s, 45s, 2m, 5m, 10m, 30m*"                                                     },
        {"5s",                              "5 ",                                "5s"          },
        {"5s*1",                            "5 ",                                "5s"          },
        {"60s*2,5m*3",                      "60 60 300 300 300 ",                "1m*2, 5m*3"  },
        {"5s*",                             "5 5 5 5 5 5 5 5 ...",               "5s*"         },
        {"  5s ,\t10s  ",                   "5 10 ",                             "5s, 10s"     },
        {"30d",                             "2592000 ",                          "30d"         },
        {"1ms*3",                           "0 0 0 ",                            "1ms*3"       },
        {"10s, 5s",                         "10 5 ",                             "10s, 5s"     },
        {"1s*1000, 2s*",                    "1 1 1 1 1 1 1 1 ...",               "1s*1000, 2s*"},
    };
    struct bh_buf buf;
    bh_buf_init(&buf, 10000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_schedule schedule, again;
        struct bh_error error = {.text = ""};
        cr_assert_eq(bh_schedule_parse(bh_str_from(rows[i].input), &schedule, &error), BH_OK,
                     "%s: %s", rows[i].input, error.text);
        spell_delays(&schedule, 8, &buf);
        cr_expect_str_eq(bh_buf_text(&buf), rows[i].delays, "%s: %s", rows[i].input,
                         bh_buf_text(&buf));

        bh_buf_clear(&buf);
        cr_expect_eq(bh_schedule_format(&schedule, &buf), BH_OK);
        cr_expect_str_eq(bh_buf_text(&buf), rows[i].formatted);
        cr_assert_eq(bh_schedule_parse(bh_buf_str(&buf), &again, NULL), BH_OK);
        bh_buf_clear(&buf);
        cr_expect_eq(bh_schedule_format(&again, &buf), BH_OK);
        cr_expect_str_eq(bh_buf_text(&buf), rows[i].formatted);
    }
    bh_buf_release(&buf);
}

Test(schedule, refuses_everything_else_with_a_sentence)
{
    static const struct {
        const char *input;
        const char *wanted;
    } rows[] = {
        {"",                        "empty"              },
        {"  ",                      "empty"              },
        {",",                       "not a duration"     },
        {"5s,",                     "not a duration"     },
        {",5s",                     "not a duration"     },
        {"5s,,10s",                 "not a duration"     },
        {"5",                       "no unit"            },
        {"5s; 10s",                 "unknown unit"       },
        {"5s 10s",                  "unknown unit"       },
        {"0s",                      "between 1ms"        },
        {"0s*",                     "between 1ms"        },
        {"31d",                     "between 1ms"        },
        {"2592000001ms",            "between 1ms"        },
        {"-5s",                     "not a duration"     },
        {"5s*0",                    "1 to 1000"          },
        {"5s*1001",                 "1 to 1000"          },
        {"5s*-1",                   "1 to 1000"          },
        {"5s*x",                    "1 to 1000"          },
        {"5s**",                    "1 to 1000"          },
        {"5s* 2",                   "1 to 1000"          },
        {"5s *2",                   "unknown unit"       },
        {"5s*2*2",                  "1 to 1000"          },
        {"5s*99999999999999999999", "1 to 1000"          },
        {"*",                       "not a duration"     },
        {"*5s",                     "not a duration"     },
        {"5s*, 10s",                "nothing comes after"},
        {"5s*,",                    "nothing comes after"},
        {"5s*, 10s*",               "nothing comes after"},
        {"9999999999999999999999d", "too large"          },
        {"\xFF",                    "\\xFF"              },
        {"none",                    "not a duration"     },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_schedule schedule = {.steps_len = 77};
        struct bh_error error = {.text = ""};
        cr_expect_eq(bh_schedule_parse(bh_str_from(rows[i].input), &schedule, &error), BH_EINVAL,
                     "\"%s\"", rows[i].input);
        cr_expect_not_null(strstr(error.text, rows[i].wanted), "\"%s\": %s", rows[i].input,
                           error.text);
        cr_expect_eq(schedule.steps_len, 77, "written on failure");
    }
}

Test(schedule, holds_thirty_two_entries_and_not_one_more)
{
    char text[200] = "";
    size_t len = 0;
    struct bh_schedule schedule;
    for (int i = 0; i < 33; i++) {
        memcpy(text + len, &",1s"[i == 0], 3);
        len += i == 0 ? 2 : 3;
        enum bh_status wanted = i < 32 ? BH_OK : BH_EINVAL;
        cr_expect_eq(bh_schedule_parse((struct bh_str){text, len}, &schedule, NULL), wanted, "%d",
                     i);
    }
    bh_ms delay;
    cr_expect(bh_schedule_delay(&schedule, 31, &delay));
    cr_expect_not(bh_schedule_delay(&schedule, 32, &delay));
}

Test(schedule, ends_exactly_where_it_ends)
{
    struct bh_schedule schedule;
    bh_ms delay = 77;
    cr_assert_eq(bh_schedule_parse(bh_str_from("1s*1000, 2s"), &schedule, NULL), BH_OK);
    cr_expect(bh_schedule_delay(&schedule, 999, &delay));
    cr_expect_eq(delay, 1000);
    cr_expect(bh_schedule_delay(&schedule, 1000, &delay));
    cr_expect_eq(delay, 2000);
    cr_expect_not(bh_schedule_delay(&schedule, 1001, &delay));
    cr_expect_not(bh_schedule_delay(&schedule, UINT32_MAX, &delay));

    struct bh_schedule never = {.steps_len = 0};
    cr_expect_not(bh_schedule_delay(&never, 0, &delay));
}

Test(schedule, jitter_only_lengthens_and_stays_within_its_percent)
{
    static const struct {
        bh_ms delay;
        uint32_t dice;
        unsigned percent;
        bh_ms wanted;
    } rows[] = {
        {0,                     UINT32_MAX, 20,  0                                    },
        {1000,                  0,          20,  1000                                 },
        {1000,                  UINT32_MAX, 20,  1200                                 },
        {1000,                  1u << 31,   20,  1100                                 },
        {1000,                  UINT32_MAX, 0,   1000                                 },
        {1000,                  UINT32_MAX, 100, 2000                                 },
        {4,                     UINT32_MAX, 20,  4                                    },
        {5,                     UINT32_MAX, 20,  6                                    },
        {BH_SCHEDULE_DELAY_MAX, UINT32_MAX, 20,  36 * BH_DAY_MS                       },
        {INT64_MAX,             UINT32_MAX, 20,  INT64_MAX                            },
        {INT64_MAX,             0,          20,  INT64_MAX                            },
        {INT64_MAX / 2,         UINT32_MAX, 100, INT64_MAX - 1 - (INT64_MAX / 2 >> 32)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bh_ms got = bh_jitter_up(rows[i].delay, rows[i].dice, rows[i].percent);
        cr_expect_eq(got, rows[i].wanted, "row %zu: %lld", i, (long long)got);
    }

    uint32_t dice = 1;
    for (int i = 0; i < 100000; i++) {
        dice = dice * 1664525 + 1013904223;
        bh_ms delay = (bh_ms)(dice >> (i % 32));
        bh_ms got = bh_jitter_up(delay, dice, 20);
        cr_assert(got >= delay && got - delay <= delay / 5, "%lld", (long long)delay);
        cr_assert_eq(got, bh_jitter_up(delay, dice, 20), "the dice alone decide");
    }
}
