/* Every allocation of parser and maker fails once: nothing leaks, nothing crashes, and the verdict says so. */
#include <bellhop/job.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/base.h"
#include "core/json.h"

static long left, outstanding;

static void *
scarce_alloc(size_t size)
{
    void *ptr = left-- > 0 ? malloc(size) : NULL;
    outstanding += ptr != NULL ? 1 : 0;
    return ptr;
}

static void *
scarce_resize(void *ptr, size_t size)
{
    void *grown = left-- > 0 ? realloc(ptr, size) : NULL;
    outstanding += grown != NULL && ptr == NULL ? 1 : 0;
    return grown;
}

static void
counted_release(void *ptr)
{
    outstanding -= ptr != NULL ? 1 : 0;
    free(ptr);
}

static void
use_scarce_memory(void)
{
    static const struct bh_allocator scarce = {scarce_alloc, scarce_resize, counted_release};
    bh_alloc_replace(&scarce);
    bh_json_use_allocator();
}

static const char *const texts[] = {
    "{\"id\":\"a\",\"to\":[\"49171999999999\",\"Friends\",436641234567],\"text\":\"[[x]] \\u00e4\","
    "\"from\":\"S\",\"delay\":\"+90s\",\"udh\":\"0500\",\"label\":\"L\",\"foreign_id\":\"F\","
    "\"files\":[{\"name\":\"x\",\"contents\":\"aGk=\",\"password\":\"p\"}],\"retry\":\"5s\","
    "\"callback_url\":\"http://a\",\"meta\":{\"a\":[1,2]}}",
    "{\"type\":\"voice\",\"to\":\"0171999999999\",\"text\":\"<a b='c'>x</a>\",\"xml\":1}",
};

/* A job with a refused field at its end: memory fails before the rule does, or the rule is told. */
static const char *const refused[] = {
    "{\"to\":\"49171999999999,49171999999998\",\"text\":\"Hi\",\"tll\":1}",
    "{\"to\":\"49171999999999,49171999999999\",\"text\":\"Hi\"}",
    "{\"type\":\"voice\",\"to\":\"0171999999999\",\"text\":\"<a b='c'>x</b>\",\"xml\":1}",
    "{\"to\":\"49171999999999\",\"text\":\"Hi\",\"meta\":{\"a\":1,\"a\":2}}",
};

/* Fails every allocation in turn until `wanted` comes; the number of tries. */
static long
torture(const char *text, enum bh_job_verdict wanted)
{
    for (long tries = 0;; tries++) {
        cr_assert_lt(tries, 10000);
        left = tries;
        struct bh_job *job = NULL;
        struct bh_error error = {.text = ""};
        enum bh_job_verdict verdict = bh_job_parse(text, strlen(text), NULL, &job, &error);
        cr_assert_eq(job != NULL, verdict == BH_JOB_VALID, "%s", text);
        bh_job_free(job);
        cr_assert_eq(outstanding, 0, "%s: %ld blocks after %ld allocations", text, outstanding,
                     tries);
        if (verdict == wanted)
            return tries;
        cr_assert_eq(verdict, BH_JOB_NO_MEMORY, "%s: %s", text, error.text);
    }
}

Test(job_memory, parsing_survives_any_failing_allocation)
{
    use_scarce_memory();
    for (size_t i = 0; i < BH_ARRAY_LEN(texts); i++)
        cr_expect_gt(torture(texts[i], BH_JOB_VALID), 5);
    for (size_t i = 0; i < BH_ARRAY_LEN(refused); i++)
        cr_expect_gt(torture(refused[i], BH_JOB_BAD), 5);
}

/* Large enough that the arena needs more than one chunk. */
Test(job_memory, parsing_survives_it_in_large_jobs_too)
{
    static char text[300000];
    static const char head[] =
        "{\"to\":\"49171999999999\",\"text\":\"[[x]]\",\"files\":[{\"name\":\"x\",\"contents\":\"";
    memset(text, 'A', sizeof(text));
    memcpy(text, head, sizeof(head) - 1);
    size_t end = sizeof(head) - 1 + 280000;
    memcpy(text + end, "\"}]}", 5);
    use_scarce_memory();
    cr_expect_gt(torture(text, BH_JOB_VALID), 5);
}

Test(job_memory, making_and_peeking_survive_any_failing_allocation)
{
    use_scarce_memory();
    struct bh_job_draft draft = {
        .to = "49171999999999, Friends", .text = "Hi", .meta = "{\"a\":1}", .flash = true};
    enum bh_job_verdict verdict;
    long tries = 0;
    do {
        cr_assert_lt(tries, 10000);
        left = tries++;
        char *json = NULL;
        verdict = bh_job_make(&draft, NULL, &json, NULL);
        cr_assert_eq(json != NULL, verdict == BH_JOB_VALID);
        cr_assert_neq(verdict, BH_JOB_BAD);
        bh_job_json_free(json);
        cr_assert_eq(outstanding, 0);
    } while (verdict != BH_JOB_VALID);
    cr_expect_gt(tries, 10);

    bool found;
    tries = 0;
    do {
        cr_assert_lt(tries, 10000);
        left = tries++;
        char id[BH_JOB_ID_MAX + 1] = "";
        found = bh_job_peek_id(texts[0], strlen(texts[0]), id);
        cr_assert_str_eq(id, found ? "a" : "");
        cr_assert_eq(outstanding, 0);
    } while (!found);
    cr_expect_gt(tries, 10);
}
