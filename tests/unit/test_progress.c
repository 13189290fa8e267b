#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "engine/progress.h"

#define RECIPIENTS 4

static struct bh_progress
fresh(void)
{
    struct bh_progress progress;
    cr_assert_eq(bh_progress_init(&progress, RECIPIENTS), BH_OK);
    return progress;
}

static void
format(const struct bh_progress *progress, struct bh_buf *buf)
{
    bh_buf_init(buf, 64 * 1024);
    cr_assert_eq(bh_progress_format(progress, buf), BH_OK);
}

Test(progress, writes_nothing_about_a_job_of_which_nothing_is_known)
{
    struct bh_progress progress = fresh();
    struct bh_buf buf;
    format(&progress, &buf);
    cr_expect_eq(buf.len, 0);
    cr_expect_eq(bh_progress_parse(bh_buf_str(&buf), &progress), BH_OK);
    bh_buf_release(&buf);
    bh_progress_release(&progress);
}

/* Each counter alone, so that none is forgotten or swapped. */
Test(progress, keeps_every_counter)
{
    const size_t counters = offsetof(struct bh_progress, attempts) / sizeof(unsigned) + 1;
    cr_assert_geq(counters, 12);
    for (size_t i = 0; i < counters; i++) {
        struct bh_progress progress = fresh(), again = fresh();
        struct bh_buf buf;
        ((unsigned *)(void *)&progress)[i] = 1000 + (unsigned)i;
        format(&progress, &buf);
        cr_assert_eq(bh_progress_parse(bh_buf_str(&buf), &again), BH_OK, "%s", bh_buf_text(&buf));
        cr_expect_arr_eq(&progress, &again, counters * sizeof(unsigned), "%zu", i);
        bh_buf_release(&buf);
        bh_progress_release(&progress);
        bh_progress_release(&again);
    }
}

Test(progress, keeps_what_became_of_each_recipient)
{
    static const struct bh_recipient_progress rows[] = {
        {.state = BH_RECIPIENT_ACCEPTED,
         .result = {true, true, 100, "77170000001", 3, 75000, "491711234567", ""}            },
        {.state = BH_RECIPIENT_FAILED,    .result = {true, false, 202, "", 0, -1, "", ""}    },
        {.state = BH_RECIPIENT_DUPLICATE, .result = {true, false, 402, "", 0, -1, "4917", ""}},
        {.state = BH_RECIPIENT_UNKNOWN,   .result = {true, false, 0, "", 0, -1, "", ""}      },
        {.state = BH_RECIPIENT_ACCEPTED,
         .result = {true, true, 402, "12345678901234567890123", INT32_MAX, INT64_MAX,
                    "12345678901234567890123", ""}                                           },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_progress progress = fresh(), again = fresh();
        struct bh_buf buf;
        size_t open[RECIPIENTS];
        progress.retries = 2;
        progress.recipients[2] = rows[i];
        format(&progress, &buf);
        cr_assert_eq(bh_progress_parse(bh_buf_str(&buf), &again), BH_OK, "%s", bh_buf_text(&buf));

        const struct bh_recipient_progress *got = &again.recipients[2];
        cr_expect_eq(again.retries, 2);
        cr_expect_eq(got->state, rows[i].state, "%zu", i);
        cr_expect_eq(got->result.code, rows[i].result.code, "%zu", i);
        cr_expect_eq(got->result.parts, rows[i].result.parts, "%zu", i);
        cr_expect_eq(got->result.accepted, rows[i].result.accepted, "%zu", i);
        cr_expect_eq(got->result.price_micro, rows[i].result.price_micro, "%zu", i);
        cr_expect_str_eq(got->result.id, rows[i].result.id);
        cr_expect_str_eq(got->result.msisdn, rows[i].result.msisdn);

        cr_assert_eq(bh_progress_open(&again, open), 3);
        cr_expect(open[0] == 0 && open[1] == 1 && open[2] == 3);
        bh_buf_release(&buf);
        bh_progress_release(&progress);
        bh_progress_release(&again);
    }
}

/* Each alone, all together, and where the bits of one number end. */
Test(progress, keeps_who_is_uncertain_apart_from_who_is_open)
{
    static const size_t people[] = {1, 4, 31, 32, 33, 64, 1000};
    for (size_t i = 0; i < BH_ARRAY_LEN(people); i++) {
        for (size_t one = 0; one <= people[i]; one += people[i] > 100 ? 97 : 1) {
            struct bh_progress progress, again;
            struct bh_buf buf;
            cr_assert_eq(bh_progress_init(&progress, people[i]), BH_OK);
            cr_assert_eq(bh_progress_init(&again, people[i]), BH_OK);
            for (size_t n = 0; n < people[i]; n++) {
                if (n == one || one == people[i])
                    progress.recipients[n].state = BH_RECIPIENT_UNCERTAIN;
            }
            format(&progress, &buf);
            cr_expect_null(strchr(bh_buf_text(&buf), '\n'), "one line, as an older worker expects");
            cr_expect_leq(buf.len, 700, "%zu", buf.len);
            cr_assert_eq(bh_progress_parse(bh_buf_str(&buf), &again), BH_OK, "%s",
                         bh_buf_text(&buf));
            for (size_t n = 0; n < people[i]; n++)
                cr_assert_eq(again.recipients[n].state, progress.recipients[n].state, "%zu of %zu",
                             n, people[i]);
            cr_expect_eq(bh_progress_count(&again, BH_RECIPIENT_UNCERTAIN),
                         one == people[i] ? people[i] : 1);
            bh_buf_release(&buf);
            bh_progress_release(&progress);
            bh_progress_release(&again);
        }
    }
}

Test(progress, skips_counters_that_a_newer_worker_wrote)
{
    struct bh_progress progress = fresh();
    cr_assert_eq(bh_progress_parse(bh_str_from("r=3 zz=9 new=0 q=7 qx=1 q9=0"), &progress), BH_OK);
    cr_expect_eq(progress.retries, 3);
    bh_progress_release(&progress);
}

Test(progress, refuses_what_it_did_not_write)
{
    static const char *const rows[] = {
        "r",
        "r=",
        "=",
        "r=x",
        "r=-1",
        "r=4294967296",
        "r=99999999999999999999",
        "r=1 ",
        " r=1",
        "r=1  l=2",
        "r=1 q0=16",
        "r=1 q1=1",
        "r=1 q-1=1",
        "r=1 q576460752303423488=1",
        "r=1 q0=4294967296",
        "r=1\nnonsense",
        "r=1\n0",
        "r=1\n0 a",
        "r=1\n0 a 100 1 75000 1",
        "r=1\n0 a 100 1 75000 1 49 more",
        "r=1\n4 a 100 1 75000 1 49",
        "r=1\n-1 a 100 1 75000 1 49",
        "r=1\n99999999999999999999 a 100 1 75000 1 49",
        "r=1\n0 x 100 1 75000 1 49",
        "r=1\n0 aa 100 1 75000 1 49",
        "r=1\n0  100 1 75000 1 49",
        "r=1\n0 a -1 1 75000 1 49",
        "r=1\n0 a 1000 1 75000 1 49",
        "r=1\n0 a 100 -1 75000 1 49",
        "r=1\n0 a 100 4294967296 75000 1 49",
        "r=1\n0 a 100 1 x 1 49",
        "r=1\n0 a 100 1 75000 123456789012345678901234 49",
        "r=1\n0 a 100 1 75000 1 123456789012345678901234",
        "\xFF\xFE",
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_progress progress = fresh();
        cr_expect_eq(bh_progress_parse(bh_str_from(rows[i]), &progress), BH_EPROTO, "\"%s\"",
                     rows[i]);
        bh_progress_release(&progress);
    }
}

Test(progress, holds_a_thousand_recipients)
{
    struct bh_progress progress, again;
    struct bh_buf buf;
    cr_assert_eq(bh_progress_init(&progress, 1000), BH_OK);
    cr_assert_eq(bh_progress_init(&again, 1000), BH_OK);
    for (size_t i = 0; i < 1000; i++) {
        progress.recipients[i].state = BH_RECIPIENT_ACCEPTED;
        progress.recipients[i].result.code = (int)i;
    }
    format(&progress, &buf);
    cr_assert_eq(bh_progress_parse(bh_buf_str(&buf), &again), BH_OK);
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(again.recipients[i].result.code, (int)i);
    bh_buf_release(&buf);
    bh_progress_release(&progress);
    bh_progress_release(&again);
}
