/*
 * sim_test - what the tests of the simulator share: one simulator per test, rows of requests.
 */
#ifndef BH_TESTS_SIM_TEST_H
#define BH_TESTS_SIM_TEST_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/http_client.h"
#include "support/sim_process.h"

#define LIVE    "X-Api-Key: sim-live-key\r\n"
#define SANDBOX "X-Api-Key: sim-sandbox-key\r\n"
#define FORM    "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON    "Content-Type: application/json\r\n"
#define ACCEPT  "Accept: application/json\r\n"

/* One request and its answer; * in `wanted` stands for anything. */
struct row {
    const char *name;
    const char *method;
    const char *target;
    const char *headers;
    const char *body;
    int status;
    const char *wanted;
};

static struct bh_test_sim sim;

/* Patient, so that a slow machine changes nothing: idle connections and webhooks may take a minute. */
static void
start(const char *ini)
{
    char patient[2048];
    snprintf(patient, sizeof patient, "[http]\nidle_ms = 60000\n[hooks]\ntimeout_ms = 60000\n%s",
             ini != NULL ? ini : "");
    cr_assert(bh_test_sim_start_with(&sim, patient), "the simulator does not start");
}

/* Not an assertion: those are ignored in a fixture's end. */
static void
stop(void)
{
    int code = bh_test_sim_stop(&sim);
    if (code != 0) {
        fprintf(stderr, "bellhop-sim ended with %d\n", code);
        abort();
    }
}

static inline void
check_row(const struct row *row)
{
    struct bh_test_http got;
    bh_test_http_call(sim.port, row->method, row->target, row->headers, row->body, &got);
    cr_expect_eq(got.end, BH_TEST_HTTP_WHOLE, "%s: %s", row->name, bh_test_http_end_name(got.end));
    cr_expect_eq(got.status, row->status, "%s: status %d", row->name, got.status);
    cr_expect(bh_test_matches(row->wanted, got.body), "%s: got\n%s\nwanted\n%s", row->name,
              got.body, row->wanted);
    bh_test_http_release(&got);
}

static inline void
check_rows(const struct row *rows, size_t count)
{
    for (size_t at = 0; at < count; at++)
        check_row(&rows[at]);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static inline void
tell(const char *what, const char *json)
{
    cr_assert(bh_test_sim_tell(&sim, what, json), "%s %s", what, json);
}

static inline void
expect_number(const char *what, const char *name, long long wanted)
{
    long long got = bh_test_sim_number(&sim, what, name);
    cr_expect_eq(got, wanted, "%s of %s is %lld, not %lld", name, what, got, wanted);
}

static inline void
nap_ms(int ms)
{
    const struct timespec nap = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&nap, NULL);
}

/* Append as much of `piece` as fits. */
static inline void
append(char *text, size_t size, const char *piece)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", piece);
}

#endif
