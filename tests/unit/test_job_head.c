#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/job_head.h"

/* Sentinel values: what a failed parse must leave alone. */
static struct bh_job_head
untouched(void)
{
    struct bh_job_head head;
    memset(&head, 0x5a, sizeof(head));
    return head;
}

static enum bh_status
parse(const char *record, size_t len, struct bh_job_head *head)
{
    return bh_job_head_parse((struct bh_str){record, len}, head);
}

Test(job_head, reads_every_field)
{
    const char record[] =
        "1 h gateway_down 4294967295 2 host/0 77 1 2 3 4 9223372036854775807 a.b_c@d-e\n"
        "memo\nwith \0 bytes";
    struct bh_job_head head;
    cr_assert_eq(parse(record, sizeof(record) - 1, &head), BH_OK);
    cr_expect_eq(head.waiting, BH_WAITING_HELD);
    cr_expect_eq(head.reason, BH_REASON_GATEWAY_DOWN);
    cr_expect_eq(head.attempts, UINT32_MAX);
    cr_expect_eq(head.recoveries, 2);
    cr_expect_eq(head.started.ms, 1);
    cr_expect_eq(head.created.ms, 2);
    cr_expect_eq(head.due.ms, 3);
    cr_expect_eq(head.expires.ms, 4);
    cr_expect_eq(head.uncertain_since.ms, INT64_MAX);
    cr_expect_str_eq(head.id, "a.b_c@d-e");
    cr_expect(bh_str_equal(head.memo, (struct bh_str){"memo\nwith \0 bytes", 17}));
    cr_expect(head.memo.ptr > record && head.memo.ptr < record + sizeof(record), "borrowed");
}

Test(job_head, knows_who_lost_the_job_and_that_nothing_was_settled_since)
{
    static const struct {
        const char *owner, *wanted;
    } rows[] = {
        {"-",       ""      },
        {"host/0",  ""      },
        {"~host/0", "host/0"},
        {"~~",      "~"     },
        {"~",       ""      },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char record[64];
        struct bh_job_head head;
        int len = snprintf(record, sizeof(record), "1 n - 0 2 %s 1 0 0 0 0 0 \n", rows[i].owner);
        cr_assert_eq(parse(record, (size_t)len, &head), BH_OK, "%s", rows[i].owner);
        cr_expect(bh_str_equal_text(head.lost_by, rows[i].wanted), "%s: %.*s", rows[i].owner,
                  BH_STR_ARGS(head.lost_by));
    }
}

Test(job_head, reads_the_record_of_a_job_that_was_never_admitted)
{
    const char record[] = "1 n - 0 0 me 1 0 0 0 0 0 \n";
    struct bh_job_head head;
    cr_assert_eq(parse(record, sizeof(record) - 1, &head), BH_OK);
    cr_expect_eq(head.waiting, BH_WAITING_NEW);
    cr_expect_eq(head.reason, BH_REASON_NONE);
    cr_expect_str_eq(head.id, "");
    cr_expect_eq(head.memo.len, 0);
}

Test(job_head, knows_every_letter_and_every_reason)
{
    static const char letters[] = "nsrhu";
    for (size_t i = 0; i < 5; i++) {
        for (int reason = 1; reason < BH_REASON_COUNT; reason++) {
            char record[128];
            struct bh_job_head head;
            int len = snprintf(record, sizeof(record), "1 %c %s 0 0 - 0 0 0 0 0 0 x\n", letters[i],
                               bh_reason_name((enum bh_reason)reason));
            cr_assert_eq(parse(record, (size_t)len, &head), BH_OK, "%s", record);
            cr_expect_eq((char)head.waiting, letters[i]);
            cr_expect_eq((int)head.reason, reason);
        }
    }
}

Test(job_head, refuses_what_the_scripts_do_not_write)
{
    static const struct {
        const char *name, *record;
    } rows[] = {
        {"nothing",                ""                                              },
        {"only a line feed",       "\n"                                            },
        {"no line feed",           "1 n - 0 0 me 1 0 0 0 0 0 x"                    },
        {"a later version",        "2 n - 0 0 me 1 0 0 0 0 0 x\n"                  },
        {"an earlier version",     "0 n - 0 0 me 1 0 0 0 0 0 x\n"                  },
        {"no version",             "n - 0 0 me 1 0 0 0 0 0 x\n"                    },
        {"an unknown letter",      "1 x - 0 0 me 1 0 0 0 0 0 x\n"                  },
        {"a word as letter",       "1 nn - 0 0 me 1 0 0 0 0 0 x\n"                 },
        {"no letter",              "1  - 0 0 me 1 0 0 0 0 0 x\n"                   },
        {"an unknown reason",      "1 n because 0 0 me 1 0 0 0 0 0 x\n"            },
        {"a very long reason",
         "1 n creditcreditcreditcreditcreditcreditcredit 0 0 me 1 0 0 0 0 0 x\n"   },
        {"no reason",              "1 n  0 0 me 1 0 0 0 0 0 x\n"                   },
        {"a negative count",       "1 n - -1 0 me 1 0 0 0 0 0 x\n"                 },
        {"minus zero",             "1 n - -0 0 me 1 0 0 0 0 0 x\n"                 },
        {"a count over 32 bits",   "1 n - 4294967296 0 me 1 0 0 0 0 0 x\n"         },
        {"a fraction",             "1 n - 0.5 0 me 1 0 0 0 0 0 x\n"                },
        {"an exponent",            "1 n - 0 0 me 1 1.7e+12 0 0 0 0 x\n"            },
        {"a time over 64 bits",    "1 n - 0 0 me 1 9223372036854775808 0 0 0 0 x\n"},
        {"no owner",               "1 n - 0 0  1 0 0 0 0 0 x\n"                    },
        {"an owner with a blank",  "1 n - 0 0 me too 1 0 0 0 0 0 x\n"              },
        {"a token that is none",   "1 n - 0 0 me t 0 0 0 0 0 x\n"                  },
        {"a field too few",        "1 n - 0 0 me 1 0 0 0 0 0\n"                    },
        {"a field too many",       "1 n - 0 0 me 1 0 0 0 0 0 x y\n"                },
        {"a blank at the end",     "1 n - 0 0 me 1 0 0 0 0 0 x \n"                 },
        {"two blanks",             "1 n - 0  0 me 1 0 0 0 0 0 x\n"                 },
        {"a tab",                  "1 n - 0\t0 me 1 0 0 0 0 0 x\n"                 },
        {"a leading blank",        " 1 n - 0 0 me 1 0 0 0 0 0 x\n"                 },
        {"the rest in the memo",   "1 n - 0 0 me 1\n 0 0 0 0 0 x\n"                },
        {"an id of 65 characters",
         "1 n - 0 0 me 1 0 0 0 0 0 "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"     },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_job_head head = untouched(), before = untouched();
        cr_expect_eq(parse(rows[i].record, strlen(rows[i].record), &head), BH_EPROTO, "%s",
                     rows[i].name);
        cr_expect_eq(memcmp(&head, &before, sizeof(head)), 0, "%s", rows[i].name);
    }
}

Test(job_head, refuses_a_nul_in_the_line_but_not_in_the_memo)
{
    const char in_id[] = "1 n - 0 0 me 1 0 0 0 0 0 x\0y\n",
               in_reason[] = "1 n credit\0 0 0 me 1 0 0 0 0 0 x\n";
    const char in_memo[] = "1 n - 0 0 me 1 0 0 0 0 0 x\n\0";
    struct bh_job_head head;
    cr_expect_eq(parse(in_id, sizeof(in_id) - 1, &head), BH_EPROTO);
    cr_expect_eq(parse(in_reason, sizeof(in_reason) - 1, &head), BH_EPROTO);
    cr_expect_eq(parse(in_memo, sizeof(in_memo) - 1, &head), BH_OK);
    cr_expect_eq(head.memo.len, 1);
}

Test(job_head, every_beginning_of_a_record_is_refused)
{
    const char record[] =
        "1 u uncertain 3 1 - 9 0 1700000000000 1700000000000 1700000000000 1700000000000 id-1\n";
    for (size_t len = 0; len < sizeof(record) - 1; len++) {
        struct bh_job_head head;
        cr_expect_eq(parse(record, len, &head), BH_EPROTO, "%zu bytes", len);
    }
}

Test(job_head, names_who_has_the_job_in_hand)
{
    static const struct {
        const char *record, *wanted;
    } rows[] = {
        {"1 n - 0 2 host/0#77 1 0 0 0 0 0 \n", "host/0#77"},
        {"1 n - 0 2 ~host/0 1 0 0 0 0 0 \n",   ""         },
        {"1 n - 0 2 - 1 0 0 0 0 0 \n",         ""         },
        {"1 n - 0 2  1 0 0 0 0 0 \n",          ""         },
        {"1 n - 0 2 host/0",                   ""         },
        {"1 n - 0\nhost/0 1 2 3",              ""         },
        {"\n",                                 ""         },
        {"",                                   ""         },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_str owner = bh_job_head_owner(bh_str_from(rows[i].record));
        cr_expect(bh_str_equal_text(owner, rows[i].wanted), "%s: %.*s", rows[i].record,
                  BH_STR_ARGS(owner));
    }
}
