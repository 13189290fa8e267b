#include <stdio.h>
#include <string.h>

#include "cli/line_input.h"
#include "cli/selection_private.h"
#include "core/fault.h"
#include "core/job_head.h"
#include "core/job_word.h"
#include "redis/reply_view.h"

#define IDS_MAX 60 /* looked up together */

struct lookup {
    struct bh_walk *walk;
    char ids[IDS_MAX][BH_JOB_ID_MAX + 1];
    bool found[IDS_MAX];
    size_t count;
    size_t capacity; /* so many fit, with all their queues, into a batch */
    size_t queues[BH_CONFIG_QUEUES_MAX];
    size_t queues_count;
};

/* A status that was found. */
struct hit {
    size_t id;
    size_t queue;
    const struct redisReply *status;
    struct bh_str handle; /* empty: the job has ended */
};

/* Four commands per hit: its record, and its score in each of the three sets. */
static void
ask_place(struct bh_batch *batch, const struct bh_queue_keys *keys, struct bh_str handle)
{
    static const enum bh_key sets[] = {BH_KEY_LEASES, BH_KEY_DUE, BH_KEY_DEAD};
    bh_batch_command(batch, "HMGET");
    bh_batch_add_key(batch, keys, BH_KEY_HEADS);
    bh_batch_add(batch, handle);
    for (size_t i = 0; i < BH_ARRAY_LEN(sets); i++) {
        bh_batch_command(batch, "ZMSCORE");
        bh_batch_add_key(batch, keys, sets[i]);
        bh_batch_add(batch, handle);
    }
}

/* A handle that stayed behind when its job went names nothing, or another job. */
static void
fill_place(struct bh_found_job *job, struct redisReply *const *replies, struct bh_str handle)
{
    struct bh_str record;
    if (!bh_reply_str(replies[0], 0, &record))
        return;
    if (bh_job_head_parse(record, &job->head) != BH_OK) {
        job->unreadable = true;
    } else if (!bh_str_equal_text(job->id, job->head.id)) {
        return;
    } else {
        job->has_head = true;
    }
    job->handle = handle;
    if (bh_reply_number(replies[1], 0, &job->score.ms))
        job->place = BH_PLACE_LEASES;
    else if (bh_reply_number(replies[2], 0, &job->score.ms))
        job->place = BH_PLACE_DUE;
    else if (bh_reply_number(replies[3], 0, &job->score.ms))
        job->place = BH_PLACE_DEAD;
    else
        job->place = job->has_head && job->head.recoveries == BH_SUSPECT_RECOVERIES
                         ? BH_PLACE_SUSPECTS
                         : BH_PLACE_READY;
}

/* Up to BH_GROUP_MAX hits. */
static enum bh_exit
offer_hits(struct lookup *lookup, const struct hit *hits, size_t count, struct bh_wall now)
{
    struct bh_walk *walk = lookup->walk;
    struct bh_batch *batch = &walk->located;
    size_t at[BH_GROUP_MAX];
    bh_batch_clear(batch);
    for (size_t i = 0; i < count; i++) {
        at[i] = batch->count;
        if (hits[i].handle.len > 0)
            ask_place(batch, &walk->selection->queues.keys[hits[i].queue], hits[i].handle);
    }
    enum bh_exit result = bh_batch_run(walk->cli, "look up the jobs", batch);
    for (size_t i = 0; i < count && result == BH_EXIT_DONE && !walk->stop; i++) {
        struct bh_found_job job = {
            .queue = hits[i].queue,
            .queue_name = walk->selection->queues.names[hits[i].queue],
            .keys = &walk->selection->queues.keys[hits[i].queue],
            .place = BH_PLACE_GONE,
            .id = bh_str_from(lookup->ids[hits[i].id]),
            .server_now = now,
        };
        if (hits[i].handle.len > 0)
            fill_place(&job, &batch->replies[at[i]], hits[i].handle);
        walk->selection->looked++;
        walk->selection->unreadable += job.unreadable ? 1 : 0;
        result = bh_group_offer(walk, &job, hits[i].status);
    }
    return result == BH_EXIT_DONE ? bh_group_flush(walk) : result;
}

static struct bh_wall
server_time(const struct redisReply *reply)
{
    int64_t seconds;
    if (bh_reply_number(reply, 0, &seconds))
        return (struct bh_wall){seconds * BH_SECOND_MS};
    return bh_cli_now();
}

static enum bh_exit
offer_found(struct lookup *lookup)
{
    struct bh_batch *batch = &lookup->walk->asked;
    struct bh_wall now = server_time(batch->replies[0]);
    struct hit hits[BH_GROUP_MAX];
    size_t count = 0;
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = 1; i < batch->count && result == BH_EXIT_DONE; i++) {
        struct hit hit = {
            (i - 1) / lookup->queues_count,
            lookup->queues[(i - 1) % lookup->queues_count],
            batch->replies[i],
            {"", 0}
        };
        struct bh_str state;
        if (!bh_reply_str(hit.status, 0, &state))
            continue;
        lookup->found[hit.id] = true;
        (void)bh_reply_str(hit.status, BH_STATUS_HANDLE, &hit.handle);
        hits[count++] = hit;
        if (count == BH_GROUP_MAX) {
            result = offer_hits(lookup, hits, count, now);
            count = 0;
        }
    }
    if (result == BH_EXIT_DONE && count > 0)
        result = offer_hits(lookup, hits, count, now);
    return result;
}

static bool
are_all_found(const struct lookup *lookup)
{
    for (size_t i = 0; i < lookup->count; i++) {
        if (!lookup->found[i])
            return false;
    }
    return true;
}

/* Those without status may lie among the dead, which are kept for longer, or have not been claimed. */
static enum bh_exit
look_elsewhere(struct lookup *lookup)
{
    const char(*ids)[BH_JOB_ID_MAX + 1] = (const char(*)[BH_JOB_ID_MAX + 1]) lookup->ids;
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = 0; i < lookup->queues_count && result == BH_EXIT_DONE; i++) {
        if (!are_all_found(lookup))
            result = bh_walk_dead_for(lookup->walk, lookup->queues[i], ids, lookup->count,
                                      lookup->found);
        if (result == BH_EXIT_DONE && !are_all_found(lookup))
            result = bh_walk_pushed_for(lookup->walk, lookup->queues[i], ids, lookup->count,
                                        lookup->found);
    }
    return result;
}

static enum bh_exit
tell_missing(const struct lookup *lookup)
{
    struct bh_walk *walk = lookup->walk;
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = 0; i < lookup->count && result == BH_EXIT_DONE; i++) {
        if (lookup->found[i])
            continue;
        walk->selection->missing++;
        if (walk->selection->on_missing != NULL)
            result = walk->selection->on_missing(walk->arg, lookup->ids[i]);
        else
            bh_cli_warn("%s is not known: never pushed, or ended so long ago that its status has "
                        "been forgotten",
                        lookup->ids[i]);
    }
    return result;
}

static enum bh_exit
look_up(struct lookup *lookup)
{
    struct bh_walk *walk = lookup->walk;
    if (lookup->count == 0 || walk->stop)
        return BH_EXIT_DONE;
    memset(lookup->found, 0, sizeof(lookup->found));
    bh_batch_clear(&walk->asked);
    bh_batch_command(&walk->asked, "TIME");
    for (size_t i = 0; i < lookup->count; i++) {
        for (size_t k = 0; k < lookup->queues_count; k++)
            bh_group_ask_status(&walk->asked, &walk->selection->queues.keys[lookup->queues[k]],
                                bh_str_from(lookup->ids[i]));
    }
    enum bh_exit result = bh_batch_run(walk->cli, "look up the jobs", &walk->asked);
    if (result == BH_EXIT_DONE)
        result = offer_found(lookup);
    if (result == BH_EXIT_DONE && !walk->stop)
        result = look_elsewhere(lookup);
    if (result == BH_EXIT_DONE && !walk->stop)
        result = tell_missing(lookup);
    lookup->count = 0;
    return result;
}

static enum bh_exit
on_idle(void *arg)
{
    return look_up(arg);
}

static enum bh_exit
take_id(void *arg, struct bh_str text)
{
    struct lookup *lookup = arg;
    if (lookup->walk->stop)
        return BH_EXIT_DONE;
    if (!bh_job_is_word(text, BH_JOB_ID_MAX))
        return bh_cli_fail("\"%s\" is no id of a job: 1 to 64 characters of A-Z a-z 0-9 . _ @ -",
                           bh_quote(text).text);
    snprintf(lookup->ids[lookup->count++], BH_JOB_ID_MAX + 1, "%.*s", BH_STR_ARGS(text));
    return lookup->count == lookup->capacity ? look_up(lookup) : BH_EXIT_DONE;
}

static void
choose_queues(struct lookup *lookup)
{
    const struct bh_selection *selection = lookup->walk->selection;
    for (size_t i = 0; i < selection->queues.count; i++) {
        if (bh_walk_wants_queue(selection, i))
            lookup->queues[lookup->queues_count++] = i;
    }
    size_t fit = lookup->queues_count > 0 ? (BH_BATCH_COMMANDS_MAX - 1) / lookup->queues_count : 1;
    lookup->capacity = fit < IDS_MAX ? fit : IDS_MAX;
}

enum bh_exit
bh_walk_ids(struct bh_walk *walk)
{
    struct lookup lookup = {.walk = walk};
    enum bh_exit result = BH_EXIT_DONE;
    choose_queues(&lookup);
    if (lookup.queues_count == 0)
        return BH_EXIT_DONE;
    for (size_t i = 0; i < walk->selection->ids_count && result == BH_EXIT_DONE; i++)
        result = take_id(&lookup, bh_str_from(walk->selection->ids[i]));
    if (result == BH_EXIT_DONE && walk->selection->from_input)
        result = bh_line_input_each(BH_JOB_ID_LINE_MAX, take_id, on_idle, &lookup);
    return result == BH_EXIT_DONE ? look_up(&lookup) : result;
}
