#include "cli/follow.h"

#include <bellhop/state.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/display.h"
#include "cli/record.h"
#include "cli/wording.h"
#include "core/alloc.h"

#define PAUSE_FIRST_MS  20
#define PAUSE_MAX_MS    500
#define UNCLAIMED_AFTER (5 * BH_SECOND_MS)

struct watched {
    const char *id;
    int64_t updated_at; /* of the state that was printed last; 0: none */
    char state[24];
    bool over;
    bool sent;
};

struct watch {
    struct bh_cli *cli;
    const struct bh_follow *follow;
    struct watched *jobs; /* owned */
    size_t open;
    bool changed; /* in this round */
    bool claimed; /* any of them, so far */
};

static int64_t
mono_ms(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);
    BH_ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
sleep_ms(bh_ms duration)
{
    struct timespec pause = {duration / 1000, (long)(duration % 1000) * 1000000};
    (void)nanosleep(&pause, NULL); /* a signal only brings the next look forward */
}

static enum bh_status
print_change(const struct watch *watch, const struct bh_record *record)
{
    struct bh_buf line;
    bh_buf_init(&line, (size_t)16 * 1024 * 1024);
    if (watch->cli->json) {
        (void)bh_record_append_json(record, &line);
    } else {
        struct bh_time_text at =
            bh_display_time((struct bh_wall){bh_record_number(record, "updated_at")});
        (void)bh_buf_printf(&line, "%s  %s  ", at.text, record->id);
        bh_wording_append_state(record, bh_cli_now(), &line);
    }
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK) {
        printf("%s\n", bh_buf_text(&line));
        fflush(stdout); /* somebody is watching; errors stay with the stream until the end */
    }
    bh_buf_release(&line);
    return status;
}

static enum bh_exit
look(struct watch *watch, struct watched *job)
{
    struct bh_record record;
    enum bh_exit result =
        bh_record_read(watch->cli, watch->follow->queue, watch->follow->keys, job->id, &record);
    if (result == BH_EXIT_NOTHING)
        return BH_EXIT_DONE;
    if (result != BH_EXIT_DONE)
        return result;
    watch->claimed = true;
    char state[sizeof(job->state)];
    snprintf(state, sizeof(state), "%.*s", BH_STR_ARGS(bh_record_get(&record, "state")));
    int64_t updated_at = bh_record_number(&record, "updated_at");
    if (updated_at != job->updated_at || strcmp(state, job->state) != 0) {
        job->updated_at = updated_at;
        memcpy(job->state, state, sizeof(state));
        watch->changed = true;
        if (print_change(watch, &record) != BH_OK)
            result = bh_cli_fail("short of memory");
    }
    if (bh_record_is_final(&record)) {
        job->over = true;
        job->sent = strcmp(state, bh_state_name(BH_STATE_SENT)) == 0;
        watch->open--;
    }
    bh_record_release(&record);
    return result;
}

static enum bh_exit
look_at_all(struct watch *watch)
{
    watch->changed = false;
    for (size_t i = 0; i < watch->follow->count; i++) {
        if (watch->jobs[i].over)
            continue;
        enum bh_exit result = look(watch, &watch->jobs[i]);
        if (result != BH_EXIT_DONE)
            return result;
    }
    return BH_EXIT_DONE;
}

static enum bh_exit
verdict(const struct watch *watch)
{
    if (watch->open > 0) {
        struct bh_time_text span = bh_display_span(watch->follow->timeout_ms);
        if (watch->follow->count == 1)
            return bh_cli_fail("not at its end after %s: `bellhop show %s` tells how it goes on",
                               span.text, watch->follow->ids[0]);
        return bh_cli_fail("%zu of %zu jobs are not at their end after %s", watch->open,
                           watch->follow->count, span.text);
    }
    for (size_t i = 0; i < watch->follow->count; i++) {
        if (!watch->jobs[i].sent)
            return BH_EXIT_FAILED;
    }
    return BH_EXIT_DONE;
}

static enum bh_exit
follow_until_over(struct watch *watch)
{
    const struct bh_follow *follow = watch->follow;
    int64_t begin = mono_ms();
    bh_ms pause = PAUSE_FIRST_MS;
    bool told = false;
    for (;;) {
        enum bh_exit result = look_at_all(watch);
        int64_t elapsed = mono_ms() - begin;
        if (result != BH_EXIT_DONE || watch->open == 0)
            return result != BH_EXIT_DONE ? result : verdict(watch);
        if (follow->timeout_ms != BH_FOLLOW_FOREVER && elapsed >= follow->timeout_ms)
            return verdict(watch);
        if (!told && !watch->claimed && elapsed >= UNCLAIMED_AFTER) {
            told = true;
            bh_cli_warn("no worker has claimed it yet; is bellhopd running, and for queue %s?",
                        follow->queue);
        }
        pause = watch->changed ? PAUSE_FIRST_MS : bh_ms_min(pause * 3 / 2, PAUSE_MAX_MS);
        if (follow->timeout_ms != BH_FOLLOW_FOREVER)
            pause = bh_ms_min(pause, bh_ms_max(follow->timeout_ms - elapsed, 1));
        sleep_ms(pause);
    }
}

enum bh_exit
bh_follow_run(struct bh_cli *cli, const struct bh_follow *follow)
{
    struct watch watch = {.cli = cli, .follow = follow, .open = follow->count};
    watch.jobs = bh_alloc_array(follow->count, sizeof(watch.jobs[0]));
    if (watch.jobs == NULL)
        return bh_cli_fail("short of memory");
    for (size_t i = 0; i < follow->count; i++)
        watch.jobs[i].id = follow->ids[i];
    enum bh_exit result = follow_until_over(&watch);
    bh_free(watch.jobs);
    return result;
}
