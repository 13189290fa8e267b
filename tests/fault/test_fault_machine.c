/*
 * The machine itself: descriptors, the log's disk, the wall clock.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/fault_jobs.h"

#define HOUR_MS 3600000LL

/* From the next start on the daemon is run by a shell that says these words before it becomes the daemon. */
static void
run_behind(struct bh_rig *rig, const char *words, const char *redirection)
{
    const char *program = getenv("BELLHOP_TEST_DAEMON");
    const char *path = bh_rig_text(rig, "%s/bellhopd", rig->dir);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file, "#!/bin/sh\n%s\nexec %s \"$@\" %s\n", words,
            program != NULL && program[0] != '\0' ? program : BH_DAEMON_PROGRAM, redirection);
    fclose(file);
    cr_assert_eq(chmod(path, 0700), 0);
    setenv("BELLHOP_TEST_DAEMON", path, 1);
}

/* ---- descriptors ---- */

Test(machine, without_descriptors_it_goes_on_with_those_it_has)
{
    struct bh_rig rig;
    struct bh_rig_options options = {
        .gateway = "max_connections = 32\n",
        .sim = "[gateway]\nanswer_delay_ms = 100\n",
    };
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "fd", 0, 1);
    bh_rig_expect_all_sent_once(&rig, "sms", "fd", 1, FAULT_WAIT_MS);
    unsigned at_work = bh_process_descriptors(rig.daemons[0].process.pid);
    cr_assert_eq(bh_daemon_stop(&rig.daemons[0], BH_RIG_WAIT_MS), 0);

    /* Room for two more connections to the gateway, of 32 that it would like to have. */
    run_behind(&rig, bh_rig_text(&rig, "ulimit -n %u", at_work + 2), "");
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    bh_rig_push_jobs(&rig, "sms", "fd", 1, 200);
    fault_expect_line(&rig, 0, "descriptor");
    bh_rig_expect_all_sent_once(&rig, "sms", "fd", 200, FAULT_WAIT_MS);
    cr_expect_leq(bh_process_descriptors(rig.daemons[0].process.pid), at_work + 2);
    bh_rig_stop(&rig);
}

/* ---- memory ---- */

#define BIG_JOBS  8
#define BIG_BYTES (3 * 1024 * 1024)

static void
push_big(struct bh_rig *rig, unsigned number)
{
    size_t size = BIG_BYTES + 512;
    char *json = malloc(size);
    cr_assert_not_null(json);
    int len = snprintf(json, size,
                       "{\"id\":\"big-%u\",\"to\":\"49171%06u\",\"text\":\"%u [[f]]\",\"files\":"
                       "[{\"name\":\"f\",\"contents\":\"",
                       number, number, number);
    memset(json + len, 'A', BIG_BYTES);
    snprintf(json + len + BIG_BYTES, size - (size_t)len - BIG_BYTES, "\"}]}");
    bh_rig_push(rig, "sms", json);
    free(json);
}

/* The journal has to deny a message twice, a minute apart, before it is sent again; that may be after a second doubt. */
#define DOUBT_WAIT_MS 300000

/* Room for some of the big jobs at once, and not for all: each takes about three times its bytes. */
#define ROOM_MIB 24

/* What the daemon takes without any work; the sanitizer's part of it grows with the program. */
static long
rss_at_rest_mib(struct bh_rig *rig)
{
    bh_rig_start_daemon(rig, NULL, NULL);
    bh_rig_push_jobs(rig, "sms", "first", 0, 1);
    BH_RIG_UNTIL_MS(rig, FAULT_WAIT_MS, bh_rig_accepted_in_all(rig) == 1);
    long rss_mib = bh_process_rss_kib(rig->daemons[0].process.pid) / 1024;
    cr_assert_gt(rss_mib, 0);
    cr_assert_eq(bh_daemon_stop(&rig->daemons[0], BH_RIG_WAIT_MS), 0);
    return rss_mib;
}

/*
 * Jobs that do not fit into its memory together are sent one after the other, or wait; what fits goes on.  One that was
 * admitted, and for which there was no memory then, is uncertain until the gateway's journal has denied it.  The limit is the
 * sanitizer's where it is built with one, which needs a huge address space, and the system's otherwise.
 */
Test(machine, with_little_memory_it_loses_and_doubles_nothing)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.without_daemon = true,
                                     .redis = FAULT_REDIS,
                                     .gateway = "timeout = 8s\nreload_lock = 20s\n",
                                     .pool = "lease = 10s\n"};
    bh_rig_start(&rig, &options);
    long limit_mib = rss_at_rest_mib(&rig) + ROOM_MIB;
    /* What the sanitizer says about the limit is no finding; a finding ends the daemon, which the rig notices. */
    const char *given = getenv("ASAN_OPTIONS");
    run_behind(&rig,
               BH_SANITIZED
                   ? bh_rig_text(&rig,
                                 "export ASAN_OPTIONS=%s:log_path=%s/asan:soft_rss_limit_mb=%ld:"
                                 "allocator_may_return_null=1:quarantine_size_mb=1",
                                 given != NULL ? given : "", rig.dir, limit_mib)
                   : "ulimit -v 160000",
               "");
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    for (unsigned i = 0; i < BIG_JOBS; i++) {
        push_big(&rig, i);
        bh_rig_push_jobs(&rig, "sms", "small", i * 4, i * 4 + 4);
    }
    BH_RIG_UNTIL_MS(&rig, DOUBT_WAIT_MS, bh_rig_unfinished(&rig, "sms") == 0);
    for (unsigned i = 0; i < BIG_JOBS; i++)
        bh_rig_wait_state(&rig, "sms", bh_rig_text(&rig, "big-%u", i), "sent");
    cr_expect_eq(bh_rig_accepted_in_all(&rig), BIG_JOBS * 5 + 1);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats?limit=0", "foreign_ids_doubled_count"), 0);
    bh_rig_stop(&rig);
}

/* ---- the log ---- */

static void
log_nowhere(const char *words, const char *redirection)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.without_daemon = true};
    bh_rig_start(&rig, &options);
    run_behind(&rig, words, redirection);
    bh_rig_start_daemon(&rig, NULL, NULL);
    bh_rig_push_jobs(&rig, "sms", "log", 0, 50);
    bh_rig_expect_all_sent_once(&rig, "sms", "log", 50, FAULT_WAIT_MS);
    bh_rig_stop(&rig);
}

Test(machine, a_full_disk_under_the_log_stops_no_message)
{
    log_nowhere("", ">/dev/full 2>&1");
}

Test(machine, a_log_that_nobody_reads_any_more_stops_no_message)
{
    char path[] = "/tmp/bellhop-pipe.XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    /* The reader is gone after one line. */
    char words[128], redirection[64];
    snprintf(words, sizeof(words), "(read line <%s) &", path);
    snprintf(redirection, sizeof(redirection), ">%s 2>&1", path);
    log_nowhere(words, redirection);
    unlink(path);
}

/* ---- the wall clock ---- */

struct clock {
    char path[96];
    _Atomic long long *shift_ms;
};

static void
open_clock(struct bh_rig *rig, struct clock *clock)
{
    snprintf(clock->path, sizeof(clock->path), "%s/shift", rig->dir);
    int fd = open(clock->path, O_RDWR | O_CREAT, 0600);
    cr_assert(fd >= 0 && ftruncate(fd, sizeof(*clock->shift_ms)) == 0);
    clock->shift_ms =
        mmap(NULL, sizeof(*clock->shift_ms), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(clock->shift_ms, MAP_FAILED);
    close(fd);
}

static void
push_timed(struct bh_rig *rig, const char *id, const char *more)
{
    bh_rig_push(rig, "sms",
                bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"491719990500\",\"text\":\"%s\",%s}", id,
                            id, more));
}

/* Delays and ttl go by Redis' clock, whatever a worker's own says, and however often it changes its mind. */
Test(machine, a_workers_clock_may_go_by_hours_in_either_direction)
{
    static const long long shifts[] = {3 * HOUR_MS, -3 * HOUR_MS, 30 * 24 * HOUR_MS, 0};
    struct bh_rig rig;
    struct clock clock;
    const struct bh_rig_options options = {.without_daemon = true};
    bh_rig_start(&rig, &options);
    open_clock(&rig, &clock);
    const char *environment[] = {bh_rig_text(&rig, "BELLHOP_CLOCK_SHIFT=%s", clock.path), NULL};
    bh_rig_start_daemon(&rig, NULL, environment);
    for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
        const char *delayed = bh_rig_text(&rig, "delayed-%zu", i);
        const char *short_lived = bh_rig_text(&rig, "short-%zu", i);
        const char *far = bh_rig_text(&rig, "far-%zu", i);
        long long pushed = bh_unix_ms();
        push_timed(&rig, delayed, "\"delay\":\"+2s\"");
        push_timed(&rig, far, "\"delay\":\"+2h\"");
        bh_rig_wait_state(&rig, "sms", delayed, "scheduled");
        atomic_store(clock.shift_ms, shifts[i]);
        push_timed(&rig, short_lived, "\"ttl\":1");
        bh_rig_wait_state(&rig, "sms", short_lived, "sent");
        bh_rig_wait_state(&rig, "sms", delayed, "sent");
        cr_expect_geq(bh_unix_ms() - pushed, 2000, "%s was sent early", delayed);
        long long sent_at = bh_rig_number(&rig, "sms", delayed, "sent_at");
        cr_expect(sent_at >= pushed + 2000 && sent_at <= bh_unix_ms(), "%s: %lld", delayed,
                  sent_at);
        bh_rig_wait_state(&rig, "sms", far, "scheduled");
    }
    cr_expect_eq(bh_rig_sim_number(&rig, "stats?limit=0", "foreign_ids_doubled_count"), 0);
    bh_rig_stop(&rig);
    munmap(clock.shift_ms, sizeof(*clock.shift_ms));
}

/* A Redis whose clock is moved by `clock`; nobody else of the rig is. */
static void
start_shifted_redis(struct bh_rig *rig, struct clock *clock)
{
    open_clock(rig, clock);
    setenv("LD_PRELOAD", BH_SHIFTED_TIME, 1);
    setenv("BELLHOP_CLOCK_SHIFT", clock->path, 1);
    bh_rig_start_redis(rig);
    unsetenv("LD_PRELOAD");
    unsetenv("BELLHOP_CLOCK_SHIFT");
    redisReply *before = bh_rig_command(rig, "TIME");
    long long seconds = strtoll(before->element[0]->str, NULL, 10);
    atomic_store(clock->shift_ms, 5 * HOUR_MS);
    redisReply *after = bh_rig_command(rig, "TIME");
    cr_assert_geq(strtoll(after->element[0]->str, NULL, 10) - seconds, 5 * 3600, "it takes effect");
    atomic_store(clock->shift_ms, 0);
    freeReplyObject(before);
    freeReplyObject(after);
}

/* Redis' clock is the one that delays and ttl go by: what it says is due is due. */
Test(machine, redis_clock_may_go_forwards_by_hours)
{
    struct bh_rig rig;
    struct clock clock;
    const struct bh_rig_options options = {.without_redis = true, .without_daemon = true};
    bh_rig_start(&rig, &options);
    start_shifted_redis(&rig, &clock);
    bh_rig_start_daemon(&rig, NULL, NULL);
    push_timed(&rig, "two", "\"delay\":\"+2h\"");
    push_timed(&rig, "four", "\"delay\":\"+4h\"");
    push_timed(&rig, "gone", "\"delay\":\"+1h\",\"ttl\":30");
    bh_rig_wait_state(&rig, "sms", "gone", "scheduled");
    bh_rig_wait_state(&rig, "sms", "four", "scheduled");
    atomic_store(clock.shift_ms, 3 * HOUR_MS);
    push_timed(&rig, "new", "\"ttl\":1");
    bh_rig_wait_state(&rig, "sms", "new", "sent");
    bh_rig_wait_state(&rig, "sms", "two", "sent");
    bh_rig_wait_state(&rig, "sms", "gone", "expired");
    bh_rig_wait_state(&rig, "sms", "four", "scheduled");
    bh_rig_push_jobs(&rig, "sms", "later", 0, 20);
    BH_RIG_UNTIL(&rig, bh_rig_unfinished(&rig, "sms") == 1);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 22);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats?limit=0", "foreign_ids_doubled_count"), 0);
    bh_rig_stop(&rig);
    munmap(clock.shift_ms, sizeof(*clock.shift_ms));
}

/* What waits waits longer, what is new is sent at once, whatever its rate; and nothing is early when it is set right. */
Test(machine, redis_clock_may_go_backwards_by_hours)
{
    struct bh_rig rig;
    struct clock clock;
    const struct bh_rig_options options = {
        .without_redis = true,
        .without_daemon = true,
        .gateway = "requests_per_second = 20\n",
        .queues = "[queue sms]\nrate = 20\n",
    };
    bh_rig_start(&rig, &options);
    start_shifted_redis(&rig, &clock);
    atomic_store(clock.shift_ms, 3 * HOUR_MS);
    bh_rig_start_daemon(&rig, NULL, NULL);
    bh_rig_push_jobs(&rig, "sms", "before", 0, 30);
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, bh_rig_unfinished(&rig, "sms") == 0);
    push_timed(&rig, "waits", "\"delay\":\"+2s\"");
    bh_rig_wait_state(&rig, "sms", "waits", "scheduled");
    atomic_store(clock.shift_ms, 0);
    bh_rig_push_jobs(&rig, "sms", "after", 0, 60);
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, bh_rig_unfinished(&rig, "sms") == 1);
    cr_expect(bh_rig_is(&rig, "sms", "waits", "state", "scheduled"));
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 90);
    atomic_store(clock.shift_ms, 3 * HOUR_MS);
    bh_rig_wait_state(&rig, "sms", "waits", "sent");
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 91);
    bh_rig_stop(&rig);
    munmap(clock.shift_ms, sizeof(*clock.shift_ms));
}
