#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/resend.h"
#include "core/schedule.h"
#include "support/scarce_memory.h"

#define NOW INT64_C(1700000000000)

/* What most rows have. */
static struct bh_schedule schedule;
static struct bh_queue_config queue;
static struct bh_config_gateway gateway;
static struct bh_resend_facts facts;
static struct bh_buf made;

static void
set_up(void)
{
    cr_assert_eq(bh_schedule_parse(BH_STR_LITERAL("5s, 15s, 2m"), &schedule, NULL), BH_OK);
    queue = (struct bh_queue_config){
        .type = BH_JOB_SMS,
        .retry = &schedule,
        .resend_on_report = true,
        .redial = 2,
        .redial_after_ms = 5 * BH_MINUTE_MS,
        .max_job_bytes = 1024,
        .max_job_with_files_bytes = 2048,
    };
    gateway = (struct bh_config_gateway){.country = "49"};
    facts = (struct bh_resend_facts){
        .queue = &queue,
        .gateway = &gateway,
        .delivery = BH_DELIVERY_FAILED,
        .id = "a",
        .new_id = "b",
        .now = {NOW},
        .accepted = {NOW - BH_MINUTE_MS},
        .expires = {NOW + BH_HOUR_MS},
    };
    bh_buf_init(&made, (size_t)1024 * 1024);
}

static void
tear_down(void)
{
    bh_buf_release(&made);
}

TestSuite(resend, .init = set_up, .fini = tear_down);

static struct bh_resend
make(const char *payload)
{
    struct bh_resend resend = {.answer = BH_RESEND_OFF};
    bh_buf_clear(&made);
    cr_assert_eq(bh_resend_make(bh_str_from(payload), &facts, &made, &resend), BH_OK, "%s",
                 payload);
    return resend;
}

#define TAIL "\"enqueued_at\":1700000000000,\"resend_of\":\"a\",\"resend_number\":1"

Test(resend, keeps_every_field_in_its_place_and_byte_for_byte)
{
    /* clang-format off */
    static const struct {
        const char *name, *payload, *wanted;
    } rows[] = {
        {"a small job", "{\"to\":\"491701234567\",\"text\":\"x\"}",
         "{\"to\":\"491701234567\",\"text\":\"x\",\"id\":\"b\",\"delay\":1700000005,\"ttl\":59," TAIL
         "}"                                                                    },
        {"its own id, delay and ttl go, in their places",
         "{\"id\":\"a\", \"delay\":\"+1d\",\"to\":\"491701234567\",\"ttl\":\"5\",\"text\":\"x\"}",
         "{\"id\":\"b\",\"delay\":1700000005,\"to\":\"491701234567\",\"ttl\":59,\"text\":\"x\"," TAIL
         "}"                                                                    },
        {"escapes, blanks and digits stay",
         "{ \"text\" : \"\\u00e4 \\/ \\ud83d\\ude00\" , \"to\" : [ 491701234567 ] , \"meta\":{ \"a\":1.50, "
         "\"id\":\"keep\" } }", "{\"text\":\"\\u00e4 \\/ \\ud83d\\ude00\",\"to\":[ 491701234567 ],\"meta\":{ "
         "\"a\":1.50, \"id\":\"keep\" },\"id\":\"b\",\"delay\":1700000005,\"ttl\":59," TAIL "}"},
        {"a name that is written with escapes",
         "{\"\\u0069d\":\"a\",\"to\":\"491701234567\",\"t\\u0065xt\":\"x\"}",
         "{\"id\":\"b\",\"to\":\"491701234567\",\"text\":\"x\",\"delay\":1700000005,\"ttl\":59," TAIL
         "}"                                                                    },
        {"the second of a chain",
         "{\"to\":\"491701234567\",\"text\":\"x\",\"resend_number\":\"1\",\"resend_of\":\"older\",\"enqueued_at\":"
         "1600000000}", "{\"to\":\"491701234567\",\"text\":\"x\",\"resend_number\":2,\"resend_of\":\"a\","
         "\"enqueued_at\":1700000000000,\"id\":\"b\",\"delay\":1700000015,\"ttl\":59}"},
        {"a foreign_id that is the job's id is as none",
         "{\"to\":\"491701234567\",\"text\":\"x\",\"foreign_id\":\"a\"}",
         "{\"to\":\"491701234567\",\"text\":\"x\",\"id\":\"b\",\"delay\":1700000005,\"ttl\":59," TAIL
         "}"                                                                    },
        {"one of the producer's own stays, and keeps the two apart",
         "{\"to\":\"491701234567\",\"text\":\"x\",\"foreign_id\":\"order-7\"}",
         "{\"to\":\"491701234567\",\"text\":\"x\",\"foreign_id\":\"order-7\",\"id\":\"b\",\"delay\":"
         "1700000060,\"ttl\":59," TAIL "}"                                      },
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_resend resend = make(rows[i].payload);
        cr_expect_eq(resend.answer, BH_RESEND_MADE, "%s: %s", rows[i].name, resend.error.text);
        cr_expect_str_eq(bh_buf_text(&made), rows[i].wanted, "%s:\n%s", rows[i].name,
                         bh_buf_text(&made));
    }
}

#define SMS(more)  "{\"to\":\"491701234567\",\"text\":\"x\"" more "}"
#define CALL(more) "{\"type\":\"voice\",\"to\":\"491701234567\",\"text\":\"x\"" more "}"

Test(resend, says_no_where_it_has_to)
{
    /* clang-format off */
    static const struct {
        const char *name, *payload;
        enum bh_delivery delivery;
        enum bh_resend_answer answer;
    } rows[] = {
        {"FAILED", SMS(""), BH_DELIVERY_FAILED, BH_RESEND_MADE},
        {"EXPIRED", SMS(""), BH_DELIVERY_EXPIRED, BH_RESEND_MADE},
        {"DELIVERED", SMS(""), BH_DELIVERY_DELIVERED, BH_RESEND_OFF},
        {"NOTDELIVERED", SMS(""), BH_DELIVERY_NOTDELIVERED, BH_RESEND_OFF},
        {"REJECTED", SMS(""), BH_DELIVERY_REJECTED, BH_RESEND_OFF},
        {"UNKNOWN", SMS(""), BH_DELIVERY_UNKNOWN, BH_RESEND_OFF},
        {"BUFFERED", SMS(""), BH_DELIVERY_BUFFERED, BH_RESEND_OFF},
        {"no word", SMS(""), BH_DELIVERY_NONE, BH_RESEND_OFF},
        {"a word of calls about an SMS", SMS(""), BH_DELIVERY_CALL_FAILED, BH_RESEND_OFF},
        {"a word of SMS about a call", CALL(""), BH_DELIVERY_FAILED, BH_RESEND_OFF},
        {"no-answer", CALL(""), BH_DELIVERY_CALL_NO_ANSWER, BH_RESEND_MADE},
        {"failed", CALL(""), BH_DELIVERY_CALL_FAILED, BH_RESEND_MADE},
        {"completed", CALL(""), BH_DELIVERY_CALL_COMPLETED, BH_RESEND_OFF},
        {"ringing", CALL(""), BH_DELIVERY_CALL_RINGING, BH_RESEND_OFF},
        {"debug", SMS(",\"debug\":1"), BH_DELIVERY_FAILED, BH_RESEND_OFF},
        {"a group", "{\"to\":\"friends\",\"text\":\"x\"}", BH_DELIVERY_FAILED, BH_RESEND_SEVERAL},
        {"two", "{\"to\":\"491701234567,491701234568\",\"text\":\"x\"}", BH_DELIVERY_FAILED,
         BH_RESEND_SEVERAL},
        {"the last of the schedule", SMS(",\"resend_number\":2"), BH_DELIVERY_FAILED,
         BH_RESEND_MADE},
        {"behind the schedule's end", SMS(",\"resend_number\":3"), BH_DELIVERY_FAILED,
         BH_RESEND_OFTEN},
        {"a schedule of its own", SMS(",\"retry\":\"1s\",\"resend_number\":1"), BH_DELIVERY_FAILED,
         BH_RESEND_OFTEN},
        {"an endless one ends all the same", SMS(",\"retry\":\"1s*\",\"resend_number\":9"),
         BH_DELIVERY_FAILED, BH_RESEND_MADE},
        {"at the bound", SMS(",\"retry\":\"1s*\",\"resend_number\":10"), BH_DELIVERY_FAILED,
         BH_RESEND_OFTEN},
        {"at the largest number", SMS(",\"retry\":\"1s*\",\"resend_number\":99"),
         BH_DELIVERY_FAILED, BH_RESEND_OFTEN},
        {"a second redial", CALL(",\"resend_number\":1"), BH_DELIVERY_CALL_FAILED, BH_RESEND_MADE},
        {"one redial too many", CALL(",\"resend_number\":2"), BH_DELIVERY_CALL_FAILED,
         BH_RESEND_OFTEN},
        {"a delay that leaves no minute", SMS(",\"retry\":\"60m\""), BH_DELIVERY_FAILED,
         BH_RESEND_EXPIRED},
        {"one that leaves a minute", SMS(",\"retry\":\"59m\""), BH_DELIVERY_FAILED,
         BH_RESEND_MADE},
        {"not JSON", "{", BH_DELIVERY_FAILED, BH_RESEND_UNREADABLE},
        {"nothing", "", BH_DELIVERY_FAILED, BH_RESEND_UNREADABLE},
        {"no object", "[]", BH_DELIVERY_FAILED, BH_RESEND_UNREADABLE},
        {"no recipient", "{\"text\":\"x\"}", BH_DELIVERY_FAILED, BH_RESEND_UNREADABLE},
        {"a field twice", SMS(",\"text\":\"y\""), BH_DELIVERY_FAILED, BH_RESEND_UNREADABLE},
        {"a number of no resend", SMS(",\"resend_number\":0"), BH_DELIVERY_FAILED,
         BH_RESEND_UNREADABLE},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        facts.delivery = rows[i].delivery;
        struct bh_resend resend = make(rows[i].payload);
        cr_expect_eq(resend.answer, rows[i].answer, "%s: %d %s", rows[i].name, resend.answer,
                     resend.error.text);
        cr_expect_eq(bh_resend_reason(resend.answer)[0] == '\0', resend.answer == BH_RESEND_MADE);
        cr_expect_eq(resend.error.text[0] != '\0', resend.answer == BH_RESEND_UNREADABLE, "%s",
                     rows[i].name);
    }
    queue.resend_on_report = false;
    facts.delivery = BH_DELIVERY_FAILED;
    cr_expect_eq(make(SMS("")).answer, BH_RESEND_OFF);
    queue.redial = 0;
    facts.delivery = BH_DELIVERY_CALL_NO_ANSWER;
    cr_expect_eq(make(CALL("")).answer, BH_RESEND_OFF);
}

Test(resend, comes_when_the_gateway_would_take_it)
{
    /* clang-format off */
    static const struct {
        const char *name, *payload;
        enum bh_delivery delivery;
        int64_t now, accepted, lock_ms, due, expires, ttl;
    } rows[] = {
        {"the schedule's first delay", SMS(""), BH_DELIVERY_FAILED, NOW, NOW - 9000000, 190000,
         NOW + 5000, NOW + 605000, 10},
        {"rounded up to a second, the ttl down", SMS(""), BH_DELIVERY_FAILED, NOW + 1,
         NOW - 9000000, 190000, NOW + 6000, NOW + 605999, 9},
        {"not before the lock has lapsed", SMS(""), BH_DELIVERY_FAILED, NOW, NOW - 1000, 190000,
         NOW + 189000, NOW + 789000, 10},
        {"whatever else it names", SMS(",\"retry\":\"3m\""), BH_DELIVERY_FAILED, NOW, NOW - 1000,
         190000, NOW + 189000, NOW + 789000, 10},
        {"accepted nobody knows when", SMS(""), BH_DELIVERY_FAILED, NOW, 0, 190000, NOW + 190000,
         NOW + 790000, 10},
        {"a job that the lock does not see", SMS(",\"no_reload\":true"), BH_DELIVERY_FAILED, NOW,
         NOW - 1000, 190000, NOW + 5000, NOW + 605000, 10},
        {"a call knows no lock", CALL(""), BH_DELIVERY_CALL_FAILED, NOW, NOW - 1000, 190000,
         NOW + 300000, NOW + 900000, 10},
        {"a second call has the same distance", CALL(",\"resend_number\":1"),
         BH_DELIVERY_CALL_FAILED, NOW, NOW - 1000, 0, NOW + 300000, NOW + 900000, 10},
        {"the third SMS has the third delay", SMS(",\"resend_number\":2"), BH_DELIVERY_EXPIRED, NOW,
         NOW - 1000, 0, NOW + 120000, NOW + 720000, 10},
        {"a foreign id stays apart where no lock does it", SMS(",\"foreign_id\":\"o\""),
         BH_DELIVERY_EXPIRED, NOW, NOW - 1000, 0, NOW + 119000, NOW + 719000, 10},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        facts.delivery = rows[i].delivery;
        facts.now.ms = rows[i].now;
        facts.accepted.ms = rows[i].accepted;
        facts.expires.ms = rows[i].expires;
        facts.lock_ms = rows[i].lock_ms;
        struct bh_resend resend = make(rows[i].payload);
        cr_expect_eq(resend.answer, BH_RESEND_MADE, "%s", rows[i].name);
        cr_expect_eq(resend.due.ms, rows[i].due, "%s: %lld", rows[i].name,
                     (long long)(resend.due.ms - NOW));
        cr_expect_eq(resend.ttl_minutes, rows[i].ttl, "%s: %lld", rows[i].name,
                     (long long)resend.ttl_minutes);
        cr_expect_leq(resend.due.ms + resend.ttl_minutes * BH_MINUTE_MS, rows[i].expires);
    }
}

/* A queue may have come to hold more than one kind; what a job does not say is the queue's. */
Test(resend, takes_the_queues_type_for_a_job_without_one)
{
    queue.type = BH_JOB_VOICE;
    facts.delivery = BH_DELIVERY_CALL_NO_ANSWER;
    cr_expect_eq(make(SMS("")).answer, BH_RESEND_MADE);
    facts.delivery = BH_DELIVERY_FAILED;
    cr_expect_eq(make(SMS("")).answer, BH_RESEND_OFF);
    cr_expect_eq(make(SMS(",\"type\":\"sms\"")).answer, BH_RESEND_MADE);
}

Test(resend, makes_nothing_that_the_queue_would_refuse_for_its_size)
{
    char payload[1100];
    const char head[] = "{\"to\":\"491701234567\",\"text\":\"";
    for (size_t len = 1024; len > 1024 - 200; len--) {
        size_t text = len - strlen(head) - 2;
        snprintf(payload, sizeof(payload), "%s%0*d\"}", head, (int)text, 7);
        cr_assert_eq(strlen(payload), len);
        struct bh_resend resend = make(payload);
        bool fits = made.len <= 1024;
        cr_expect_eq(resend.answer == BH_RESEND_MADE, fits, "%zu: %s", len, resend.error.text);
    }
    cr_expect_eq(make(payload).answer, BH_RESEND_MADE);
}

Test(resend, leaves_nothing_half_done_without_memory)
{
    static const char payload[] = SMS(",\"meta\":{\"a\":1},\"label\":\"l\"");
    enum bh_status status = BH_ENOMEM;
    long times = 0;
    bh_use_scarce_memory();
    for (; status == BH_ENOMEM && times < 1000; times++) {
        struct bh_resend resend = {.answer = BH_RESEND_OFF};
        bh_buf_release(&made);
        bh_buf_init(&made, 4096);
        bh_allocations_left = times;
        status = bh_resend_make(bh_str_from(payload), &facts, &made, &resend);
        cr_expect_eq(status == BH_OK, resend.answer == BH_RESEND_MADE, "%ld", times);
    }
    cr_expect_eq(status, BH_OK);
    cr_expect_gt(times, 3);
    bh_buf_release(&made);
    bh_alloc_replace(NULL);
}

Test(resend, says_that_a_buffer_is_too_small)
{
    struct bh_resend resend = {.answer = BH_RESEND_OFF};
    bh_buf_release(&made);
    bh_buf_init(&made, 60);
    cr_expect_eq(bh_resend_make(BH_STR_LITERAL(SMS("")), &facts, &made, &resend), BH_ETOOBIG);
}

Test(resend, knows_the_words_that_end_all_hope)
{
    for (int word = 0; word < BH_DELIVERY_COUNT; word++) {
        bool over = word == BH_DELIVERY_DELIVERED || word == BH_DELIVERY_CALL_COMPLETED;
        cr_expect_eq(bh_resend_is_over((enum bh_delivery)word), over);
        cr_expect_not(over && bh_resend_is_asked(&queue, (enum bh_delivery)word));
        cr_expect_not(bh_resend_is_asked(&queue, (enum bh_delivery)word) &&
                      !bh_delivery_is_final((enum bh_delivery)word));
    }
}
