#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "daemon/clock.h"
#include "daemon/sent_file.h"
#include "daemon/sent_journal.h"
#include "support/scarce_memory.h"

#define RECORDS 64

static char directory[64], path[96];
static struct bh_sent_journal *journal;

static void
setup(void)
{
    snprintf(directory, sizeof(directory), "/tmp/bellhop-sent.XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/sent-me", directory);
    signal(SIGXFSZ, SIG_IGN);
}

static void
teardown(void)
{
    bh_sent_journal_close(journal);
    unlink(path);
    if (rmdir(directory) != 0)
        abort();
}

TestSuite(sent_journal, .init = setup, .fini = teardown);

static enum bh_status
try_open(uint32_t records)
{
    const struct bh_sent_journal_options options = {
        .directory = bh_str_from(directory),
        .prefix = "bellhop",
        .instance = "me",
        .records = records,
        .retry_ms = 20,
    };
    return bh_sent_journal_open(&options, &journal);
}

static void
open_journal(void)
{
    cr_assert_eq(try_open(RECORDS), BH_OK);
}

static void
close_journal(void)
{
    bh_sent_journal_close(journal);
    journal = NULL;
}

static struct bh_claim_ref
ref(char *text, size_t size, uint64_t handle, uint64_t token)
{
    int len = snprintf(text, size, "%llu", (unsigned long long)handle);
    return (struct bh_claim_ref){
        0, {text, (size_t)len},
         token
    };
}

static struct bh_digest
digest_of(const char *payload)
{
    const struct bh_str piece = bh_str_from(payload);
    struct bh_digest digest;
    cr_assert_eq(bh_digest_pieces(&piece, 1, &digest), BH_OK);
    return digest;
}

static void
begin(uint64_t handle, uint64_t token, const char *payload)
{
    char text[24];
    struct bh_digest digest = digest_of(payload);
    const struct bh_sent_mark mark = {
        .claim = ref(text, sizeof(text), handle, token),
        .payload = &digest,
        .id = "the-id",
        .attempts = 1,
        .began = {1000},
    };
    bh_sent_journal_begin(journal, "sms", &mark);
}

static void
end(uint64_t handle, uint64_t token, enum bh_sent_result result)
{
    char text[24];
    const struct bh_settle_command settle = {
        .claim = ref(text, sizeof(text), handle, token),
        .result = result,
        .attempts = result == BH_SENT_REFUSED ? 0 : 1,
        .uncertain_since = {result == BH_SENT_UNCERTAIN ? 1000 : 0},
        .message_ids = bh_str_from(result == BH_SENT_ACCEPTED ? "77,78" : ""),
    };
    bh_sent_journal_end(journal, "sms", &settle);
}

static struct bh_sent_memory memory;

/* What is known of a job that was claimed; NULL: nothing. */
static const struct bh_sent_trace *
claimed(uint64_t handle, uint64_t token, const char *payload)
{
    char text[24];
    struct bh_claim_ref claim = ref(text, sizeof(text), handle, token);
    const struct bh_claimed_event event = {.token = token, .server_now = bh_clock_wall()};
    struct bh_claimed_job job = {
        .handle = claim.handle,
        .payload = bh_str_from(payload),
        .payload_bytes = strlen(payload),
    };
    bh_sent_journal_claimed(journal, "sms", &event, &job, &memory);
    return job.sent_before;
}

static void
roll_back(uint64_t remembered, uint64_t acknowledged, uint64_t handle, uint64_t waiting)
{
    bh_sent_journal_rolled_back(
        journal, &(struct bh_store_roll_back){"sms", remembered, acknowledged, handle, waiting});
}

static bool
is_on_disk(void)
{
    return bh_sent_journal_figures(journal).on_disk;
}

static void
wait_until_on_disk(bool wanted)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    for (int i = 0; i < 2000 && is_on_disk() != wanted; i++)
        nanosleep(&moment, NULL);
    cr_assert_eq(is_on_disk(), wanted);
}

static void
write_file(const char *bytes, size_t len, off_t at)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
}

/* ---- what is remembered ---- */

/* A guarded retry that proved nothing counts no attempt; with it counted here, Redis would seem to have forgotten one. */
Test(sent_journal, counts_attempts_as_redis_was_told)
{
    char text[24];
    struct bh_digest digest = digest_of("a");
    open_journal();
    begin(1, 3, "a");
    end(1, 3, BH_SENT_UNCERTAIN);
    const struct bh_sent_mark mark = {
        .claim = ref(text, sizeof(text), 1, 4),
        .payload = &digest,
        .id = "the-id",
        .attempts = 2,
        .uncertain_since = {1000},
        .began = {46000},
    };
    bh_sent_journal_begin(journal, "sms", &mark);
    cr_expect_eq(claimed(1, 5, "a")->attempts, 2, "its answer is not known yet");
    end(1, 4, BH_SENT_UNCERTAIN);
    cr_expect_eq(claimed(1, 5, "a")->attempts, 1);
    close_journal();
}

Test(sent_journal, tells_what_became_of_a_request)
{
    static const struct {
        const char *name;
        enum bh_sent_result result; /* OPEN: none yet */
        bool known, accepted;
    } rows[] = {
        {"under way", BH_SENT_OPEN,      true,  false},
        {"accepted",  BH_SENT_ACCEPTED,  true,  true },
        {"partly",    BH_SENT_PARTLY,    true,  false},
        {"uncertain", BH_SENT_UNCERTAIN, true,  false},
        {"refused",   BH_SENT_REFUSED,   false, false},
    };
    for (int life = 0; life < 2; life++) {
        open_journal();
        for (unsigned i = 0; i < BH_ARRAY_LEN(rows); i++) {
            if (life == 0) {
                begin(i + 1, 3, rows[i].name);
                end(i + 1, 3, rows[i].result);
            }
            const struct bh_sent_trace *trace = claimed(i + 1, 4, rows[i].name);
            cr_expect_eq(trace != NULL, rows[i].known, "%s, life %d", rows[i].name, life);
            if (trace == NULL)
                continue;
            cr_expect_eq(trace->accepted, rows[i].accepted, "%s", rows[i].name);
            cr_expect_eq(trace->attempts, 1, "%s", rows[i].name);
            cr_expect_eq(trace->since.ms, 1000, "%s", rows[i].name);
            cr_expect_str_eq(trace->id, "the-id");
            cr_expect_str_eq(trace->message_ids, rows[i].accepted ? "77,78" : "");
            cr_expect_not(trace->forgotten);
        }
        cr_expect_null(claimed(1, 4, "other bytes"));
        close_journal();
    }
}

Test(sent_journal, a_late_acceptance_counts_for_the_claim_that_followed)
{
    open_journal();
    begin(5, 3, "x");
    begin(5, 9, "x");
    end(5, 3, BH_SENT_REFUSED);
    cr_expect_not(claimed(5, 10, "x")->accepted, "the second request is still under way");
    end(5, 3, BH_SENT_ACCEPTED);
    cr_expect(claimed(5, 10, "x")->accepted);
    end(5, 9, BH_SENT_UNCERTAIN);
    cr_expect(claimed(5, 10, "x")->accepted, "and stays so");
}

Test(sent_journal, a_job_that_redis_forgot_is_known_by_its_bytes_over_restarts)
{
    open_journal();
    for (unsigned i = 1; i <= 3; i++) {
        begin(i, i, "twin");
        end(i, i, BH_SENT_ACCEPTED);
    }
    begin(4, 4, "under way");
    struct bh_store_mark mark = bh_sent_journal_mark(journal, "sms");
    cr_expect_eq(mark.token, 4);
    cr_expect_eq(mark.handle, 4);
    roll_back(1, 4, 10, 4);
    close_journal();
    open_journal();
    cr_expect(claimed(11, 21, "twin")->forgotten);
    close_journal();
    open_journal();
    cr_expect_not_null(claimed(12, 21, "twin"));
    cr_expect_null(claimed(13, 21, "twin"), "one too many");
    const struct bh_sent_trace *trace = claimed(14, 21, "under way");
    cr_assert_not_null(trace);
    cr_expect_not(trace->accepted);
    end(4, 4, BH_SENT_ACCEPTED);
    cr_expect(claimed(14, 22, "under way")->accepted, "its request was still running");
    cr_expect_eq(bh_sent_journal_mark(journal, "sms").token, 22);
}

/*
 * Another host has claimed it since Redis is back, before we connected: its handle is among those that were given then.  It
 * lets go of it, as of a message that the gateway's lock refuses, and we are offered our own.
 */
Test(sent_journal, a_forgotten_job_is_known_when_another_host_has_claimed_it_in_between)
{
    open_journal();
    begin(10, 5, "kept");
    end(10, 5, BH_SENT_ACCEPTED);
    begin(12, 7, "forgotten");
    end(12, 7, BH_SENT_ACCEPTED);
    /* Handles up to 20 were given by then, and nothing waits in the lists. */
    roll_back(5, 7, 20, 0);
    cr_expect_null(claimed(9, 8, "forgotten"), "a handle of before the roll-back");
    cr_expect_null(claimed(21, 8, "forgotten"), "pushed later");
    const struct bh_sent_trace *trace = claimed(15, 9, "forgotten");
    cr_assert_not_null(trace);
    cr_expect(trace->accepted);
    cr_expect_null(claimed(16, 10, "forgotten"), "it counts for one job only");
    close_journal();
}

/*
 * The other host needs not to have met as many handles as we have: it is given some that were ours, for other jobs.
 * What we find out of it must hold for our next life as well.
 */
Test(sent_journal, a_forgotten_job_is_known_under_a_handle_that_was_anothers)
{
    static const char *const names[] = {"first", "second", "third"};
    open_journal();
    begin(10, 5, "kept");
    for (unsigned i = 0; i < 3; i++) {
        begin(12 + i, 7, names[i]);
        end(12 + i, 7, BH_SENT_ACCEPTED);
    }
    roll_back(5, 7, 20, 0);
    for (unsigned i = 0; i < 3; i++) {
        close_journal();
        open_journal();
        cr_expect_null(claimed(12 + i, 8 + i, "never sent"), "%s", names[i]);
        begin(12 + i, 8 + i, "never sent");
        const struct bh_sent_trace *trace = claimed(14 - i, 8 + i, names[i]);
        cr_assert_not_null(trace, "%s", names[i]);
        cr_expect(trace->accepted, "%s", names[i]);
        cr_expect_eq(trace->forgotten, i != 1, "%s", names[i]);
    }
}

/* The next roll-back leaves nobody behind whom the one before has put in doubt. */
Test(sent_journal, a_second_roll_back_forgets_nothing_of_the_first)
{
    open_journal();
    begin(10, 5, "kept");
    begin(12, 7, "forgotten");
    end(12, 7, BH_SENT_ACCEPTED);
    roll_back(5, 7, 20, 0);
    begin(22, 30, "later");
    begin(23, 31, "later still");
    roll_back(30, 31, 40, 0);
    const struct bh_sent_trace *trace = claimed(15, 32, "forgotten");
    cr_assert_not_null(trace);
    cr_expect(trace->accepted);
    close_journal();
}

Test(sent_journal, a_roll_back_that_a_second_worker_finds_is_the_same_one)
{
    open_journal();
    begin(1, 1, "x");
    end(1, 1, BH_SENT_ACCEPTED);
    roll_back(0, 1, 10, 0);
    roll_back(0, 1, 10, 5);
    cr_expect_null(claimed(12, 2, "x"), "pushed since the first worker found out");
}

Test(sent_journal, works_without_a_file)
{
    directory[0] = '\0';
    open_journal();
    begin(1, 1, "x");
    end(1, 1, BH_SENT_ACCEPTED);
    cr_expect(claimed(1, 2, "x")->accepted);
    cr_expect_not(is_on_disk());
    snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
}

Test(sent_journal, the_file_is_a_ring)
{
    open_journal();
    for (unsigned i = 1; i <= 10 * RECORDS; i++)
        begin(i, i, "x");
    close_journal();
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_size, RECORDS * BH_SENT_RECORD_BYTES);
    cr_expect_eq(status.st_mode & 0777, 0600);
    open_journal();
    cr_expect_eq(bh_sent_journal_figures(journal).read, RECORDS);
    cr_expect_eq(bh_sent_journal_figures(journal).damaged, 0);
    cr_expect_null(claimed(9 * RECORDS, 1, "x"), "long gone");
    for (unsigned i = 0; i <= RECORDS / 2; i++)
        cr_expect_not_null(claimed(10 * RECORDS - i, 1, "x"), "%u", i);
}

Test(sent_journal, a_larger_ring_keeps_what_the_smaller_one_held)
{
    static const uint32_t sizes[] = {64, 64, 100, 30, 128};
    unsigned next = 1;
    for (size_t i = 0; i < BH_ARRAY_LEN(sizes); i++) {
        cr_assert_eq(try_open(sizes[i]), BH_OK);
        for (unsigned k = next > 16 ? next - 15 : 1; k < next; k++)
            cr_expect_not_null(claimed(k, 1, "x"), "%u with room for %u", k, sizes[i]);
        for (unsigned end_at = next + 45; next < end_at; next++)
            begin(next, next, "x");
        close_journal();
        struct stat status;
        cr_assert_eq(stat(path, &status), 0);
        cr_expect_geq(status.st_size, (off_t)sizes[i] * BH_SENT_RECORD_BYTES);
    }
}

/* ---- crashes ---- */

Test(sent_journal, a_killed_process_loses_nothing)
{
    pid_t child = fork();
    if (child == 0) {
        open_journal();
        for (unsigned i = 1; i <= 20; i++)
            begin(i, i, "x");
        raise(SIGKILL);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    open_journal();
    for (unsigned i = 1; i <= 20; i++)
        cr_expect_not_null(claimed(i, 30, "x"), "%u", i);
}

Test(sent_journal, a_torn_record_is_skipped_wherever_it_was_torn)
{
    static const char zeros[BH_SENT_RECORD_BYTES] = {0};
    for (size_t cut = 1; cut < BH_SENT_RECORD_BYTES - 4; cut += 7) {
        unlink(path);
        open_journal();
        for (unsigned i = 1; i <= 5; i++)
            begin(i, i, "x");
        close_journal();
        write_file(zeros, BH_SENT_RECORD_BYTES - cut, (off_t)(2 * BH_SENT_RECORD_BYTES + cut));
        open_journal();
        cr_expect_eq(bh_sent_journal_figures(journal).read, 4, "cut at %zu", cut);
        cr_expect_eq(bh_sent_journal_figures(journal).damaged, 1, "cut at %zu", cut);
        for (unsigned i = 1; i <= 5; i++)
            cr_expect_eq(claimed(i, 9, "x") != NULL, i != 3, "%u, cut at %zu", i, cut);
        close_journal();
    }
}

/* ---- files that are none of ours, and disks that fail ---- */

Test(sent_journal, leaves_alone_what_is_not_its_own)
{
    static const char *const contents[] = {"a letter to somebody", NULL};
    char page[BH_SENT_RECORD_BYTES * 3], after[sizeof(page)];
    memset(page, 'x', sizeof(page));
    for (size_t i = 0; i < BH_ARRAY_LEN(contents); i++) {
        const char *content = contents[i] != NULL ? contents[i] : page;
        size_t len = contents[i] != NULL ? strlen(content) : sizeof(page);
        unlink(path);
        write_file(content, len, 0);
        open_journal();
        cr_expect_not(is_on_disk());
        begin(1, 1, "x");
        cr_expect_not_null(claimed(1, 2, "x"), "it is kept in memory");
        close_journal();
        struct stat status;
        cr_assert_eq(stat(path, &status), 0);
        cr_expect_eq(status.st_size, (off_t)len);
        int fd = open(path, O_RDONLY);
        cr_expect_eq(read(fd, after, sizeof(after)), (ssize_t)len);
        close(fd);
        cr_expect_arr_eq(after, content, len);
    }
}

Test(sent_journal, belongs_to_one_process_at_a_time)
{
    int ready[2], go[2];
    char byte = 0;
    cr_assert(pipe(ready) == 0 && pipe(go) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        open_journal();
        begin(1, 1, "theirs");
        if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) < 0)
            abort();
        raise(SIGKILL);
    }
    close(ready[1]);
    close(go[0]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    open_journal();
    cr_expect_not(is_on_disk());
    begin(7, 7, "ours");
    cr_expect_not_null(claimed(7, 8, "ours"));
    close(go[1]);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    wait_until_on_disk(true);
    close_journal();
    open_journal();
    cr_expect_not_null(claimed(1, 8, "theirs"));
    cr_expect_not_null(claimed(7, 8, "ours"));
    close(ready[0]);
}

Test(sent_journal, is_written_as_soon_as_its_directory_is_there)
{
    cr_assert_eq(rmdir(directory), 0);
    open_journal();
    cr_expect_not(is_on_disk());
    for (unsigned i = 1; i <= 20; i++) {
        begin(i, i, "x");
        end(i, i, BH_SENT_ACCEPTED);
    }
    cr_assert_eq(mkdir(directory, 0700), 0);
    wait_until_on_disk(true);
    begin(21, 21, "x");
    close_journal();
    open_journal();
    for (unsigned i = 1; i <= 20; i++)
        cr_expect(claimed(i, 30, "x")->accepted, "%u", i);
    cr_expect_not_null(claimed(21, 30, "x"));
}

static void
limit_files_to(rlim_t bytes)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(sent_journal, makes_no_half_file_on_a_full_disk)
{
    limit_files_to(RECORDS * BH_SENT_RECORD_BYTES / 2);
    open_journal();
    cr_expect_not(is_on_disk());
    begin(1, 1, "x");
    cr_expect_not_null(claimed(1, 2, "x"));
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_size, 0);
    limit_files_to(RLIM_INFINITY);
    wait_until_on_disk(true);
    close_journal();
    open_journal();
    cr_expect_not_null(claimed(1, 2, "x"));
}

Test(sent_journal, catches_up_after_a_disk_that_failed)
{
    open_journal();
    begin(1, 1, "before");
    begin(2, 2, "gone");
    limit_files_to(0);
    end(1, 1, BH_SENT_ACCEPTED);
    cr_expect_not(is_on_disk());
    for (unsigned i = 10; i < 20; i++)
        begin(i, i, "during");
    roll_back(1, 20, 100, 50);
    cr_expect_not_null(claimed(101, 30, "gone"));
    limit_files_to(RLIM_INFINITY);
    wait_until_on_disk(true);
    begin(200, 31, "after");
    close_journal();
    open_journal();
    cr_expect_eq(bh_sent_journal_figures(journal).damaged, 0);
    cr_expect(claimed(1, 40, "before")->accepted);
    cr_expect_not_null(claimed(101, 40, "gone"), "it has moved");
    cr_expect_null(claimed(102, 40, "gone"));
    for (unsigned i = 10; i < 20; i++)
        cr_expect_not_null(claimed(100 + i, 40, "during"), "%u", i);
    cr_expect_not_null(claimed(200, 40, "after"));
}

Test(sent_journal, syncs_in_its_own_time)
{
    const struct timespec moment = {.tv_nsec = 20000000};
    open_journal();
    for (int i = 0; i < 500 && bh_sent_journal_figures(journal).syncs == 0; i++) {
        begin(1, (uint64_t)i + 1, "x");
        nanosleep(&moment, NULL);
    }
    cr_expect_eq(bh_sent_journal_figures(journal).syncs, 1);
}

/* ---- memory and threads ---- */

Test(sent_journal, says_when_memory_is_short)
{
    bh_use_scarce_memory();
    enum bh_status status = BH_ENOMEM;
    for (long left = 0; left < 40 && status != BH_OK; left++) {
        bh_allocations_left = left;
        status = try_open(RECORDS);
        cr_expect(status == BH_OK || status == BH_ENOMEM);
    }
    cr_assert_eq(status, BH_OK);
    bh_allocations_left = 0;
    begin(1, 1, "x");
    end(1, 1, BH_SENT_ACCEPTED);
    cr_expect(claimed(1, 2, "x")->accepted, "what is asked for later is never allocated");
    limit_files_to(0);
    begin(2, 2, "x");
    limit_files_to(RLIM_INFINITY);
    const struct timespec while_ms = {.tv_nsec = 200000000};
    nanosleep(&while_ms, NULL);
    cr_expect_not(is_on_disk(), "no memory for the list of what is missing");
    bh_alloc_replace(NULL);
    wait_until_on_disk(true);
}

static void
one_worker(void *arg)
{
    unsigned base = *(const unsigned *)arg;
    struct bh_sent_memory own;
    for (unsigned i = base; i < base + 300; i++) {
        char text[24];
        begin(i, i, "x");
        end(i, i, BH_SENT_ACCEPTED);
        struct bh_claim_ref claim = ref(text, sizeof(text), i, i + 1);
        const struct bh_claimed_event event = {.token = i + 1, .server_now = {5}};
        struct bh_claimed_job job = {
            .handle = claim.handle, .payload = bh_str_from("x"), .payload_bytes = 1};
        bh_sent_journal_claimed(journal, "sms", &event, &job, &own);
        if (job.sent_before == NULL || !job.sent_before->accepted)
            abort();
        (void)bh_sent_journal_mark(journal, "sms");
    }
}

Test(sent_journal, serves_several_threads)
{
    uv_thread_t threads[4];
    unsigned bases[4] = {1000, 2000, 3000, 4000};
    cr_assert_eq(try_open(4096), BH_OK);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(uv_thread_create(&threads[i], one_worker, &bases[i]), 0);
    for (size_t i = 0; i < 4; i++)
        uv_thread_join(&threads[i]);
    cr_expect_eq(bh_sent_journal_figures(journal).written, 4 * 300 * 2);
    close_journal();
    cr_assert_eq(try_open(4096), BH_OK);
    cr_expect_eq(bh_sent_journal_figures(journal).read, 4 * 300 * 2);
    cr_expect_eq(bh_sent_journal_figures(journal).damaged, 0);
}
