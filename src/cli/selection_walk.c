#include <stdio.h>
#include <string.h>

#include "cli/selection_private.h"
#include "cli/session.h"
#include "redis/job_page.h"
#include "redis/job_peek.h"
#include "redis/reply_reader.h"

#define FORGOTTEN_PAGES_MAX 20
#define PUSHED_LOOKED_MAX   200000 /* payloads in which ids are looked for, in one run */
#define PEEK_PAYLOAD_MAX    ((size_t)48 * 1024 * 1024)

#define WAITING_STATES                                                                             \
    (BH_FILTER_READY | BH_FILTER_SCHEDULED | BH_FILTER_RETRYING | BH_FILTER_HELD |                 \
     BH_FILTER_UNCERTAIN)

/* In the order in which they are walked: that of a job's way, so that few are missed that move meanwhile. */
static const struct {
    enum bh_place place;
    enum bh_key key;
    uint32_t states; /* that may lie there */
} places[] = {
    {BH_PLACE_SUSPECTS, BH_KEY_SUSPECTS, WAITING_STATES                         },
    {BH_PLACE_READY,    BH_KEY_READY,    WAITING_STATES                         },
    {BH_PLACE_LEASES,   BH_KEY_LEASES,   BH_FILTER_SENDING | BH_FILTER_UNCERTAIN},
    {BH_PLACE_DUE,      BH_KEY_DUE,      WAITING_STATES                         },
    {BH_PLACE_RAW,      BH_KEY_IN,       BH_FILTER_READY                        },
    {BH_PLACE_RAW,      BH_KEY_RAW,      BH_FILTER_READY                        },
    {BH_PLACE_DEAD,     BH_KEY_DEAD,
     BH_FILTER_DEAD | BH_FILTER_FAILED | BH_FILTER_UNKNOWN | BH_FILTER_INVALID  },
};

bool
bh_walk_wants_queue(const struct bh_selection *selection, size_t queue)
{
    const struct bh_filter_facts facts = {
        .known = UINT32_C(1) << BH_FILTER_QUEUE,
        .queue = bh_str_from(selection->queues.names[queue]),
    };
    return bh_filter_matches(&selection->filter, &facts);
}

static void
begin_job(const struct bh_walk *walk, size_t queue, enum bh_place place, struct bh_wall now,
          struct bh_found_job *ret_job)
{
    *ret_job = (struct bh_found_job){
        .queue = queue,
        .queue_name = walk->selection->queues.names[queue],
        .keys = &walk->selection->queues.keys[queue],
        .place = place,
        .server_now = now,
    };
}

static enum bh_exit
strange_reply(struct redisReply *reply)
{
    bh_redis_reply_free(reply);
    return bh_cli_fail("cannot list jobs: Redis answers what our script does not give");
}

/* Count one more that is looked at; false: that was enough. */
static bool
may_look(struct bh_walk *walk)
{
    struct bh_selection *selection = walk->selection;
    if (selection->looked == selection->looked_max) {
        selection->cut = walk->stop = true;
        return false;
    }
    selection->looked++;
    return true;
}

static enum bh_exit
run_call(struct bh_walk *walk, struct bh_call *call, struct redisReply **ret_reply)
{
    enum bh_exit result = bh_session_script(walk->cli, "list jobs", call, ret_reply);
    bh_call_release(call);
    return result;
}

/* ---- places with records ---- */

/* The letters of the records that may be chosen; "" for all. */
static const char *
letters_for(uint32_t states, enum bh_place place)
{
    if (place == BH_PLACE_DEAD || place == BH_PLACE_LEASES)
        return "";
    states &= WAITING_STATES;
    if (states == BH_FILTER_HELD)
        return "h";
    if (states == BH_FILTER_SCHEDULED)
        return "s";
    if (states == BH_FILTER_READY)
        return "ns";
    return "";
}

static enum bh_exit
read_page(struct bh_walk *walk, size_t queue, const struct bh_job_page_ask *ask,
          struct redisReply **ret_reply, struct bh_job_page *ret_page)
{
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_LIST);
    bh_encode_job_page(&call, &walk->selection->queues.keys[queue], ask);
    enum bh_exit result = run_call(walk, &call, ret_reply);
    if (result == BH_EXIT_DONE && bh_decode_job_page(*ret_reply, ret_page) != BH_OK)
        return strange_reply(*ret_reply);
    return result;
}

static enum bh_exit
take_page(struct bh_walk *walk, size_t queue, enum bh_place place, const struct bh_job_page *page)
{
    enum bh_exit result = BH_EXIT_DONE;
    struct bh_found_job job;
    struct bh_listed_job listed;
    for (size_t i = 0; i < page->count && result == BH_EXIT_DONE && !walk->stop; i++) {
        if (!bh_job_page_get(page, i, &listed)) {
            walk->selection->unreadable++;
            continue;
        }
        if (!may_look(walk))
            break;
        begin_job(walk, queue, place, page->server_now, &job);
        job.handle = listed.handle;
        job.score = listed.score;
        job.has_head = true;
        job.head = listed.head;
        result = bh_group_offer(walk, &job, NULL);
    }
    /* What it borrows from goes with the page. */
    return result == BH_EXIT_DONE ? bh_group_flush(walk) : result;
}

static enum bh_exit
walk_records(struct bh_walk *walk, size_t queue, enum bh_place place, enum bh_key key)
{
    char cursor[BH_JOB_PAGE_CURSOR_MAX + 1] = "";
    struct bh_job_page_ask ask = {
        .place = key, .count = BH_JOB_PAGE_MAX, .waiting = letters_for(walk->states, place)};
    do {
        struct redisReply *reply;
        struct bh_job_page page;
        ask.cursor = bh_str_from(cursor);
        enum bh_exit result = read_page(walk, queue, &ask, &reply, &page);
        if (result != BH_EXIT_DONE)
            return result;
        snprintf(cursor, sizeof(cursor), "%.*s", BH_STR_ARGS(page.next));
        if (ask.waiting[0] == '\0')
            walk->selection->unreadable += (size_t)page.looked - page.count;
        else
            walk->selection->looked += (size_t)page.looked - page.count;
        result = take_page(walk, queue, place, &page);
        bh_redis_reply_free(reply);
        if (result != BH_EXIT_DONE)
            return result;
        if (walk->selection->looked > walk->selection->looked_max)
            walk->selection->cut = walk->stop = true;
    } while (cursor[0] != '\0' && !walk->stop);
    return BH_EXIT_DONE;
}

/* ---- places with payloads only ---- */

static enum bh_exit
take_peek(struct bh_walk *walk, size_t queue, const struct bh_job_peek *peek)
{
    enum bh_exit result = BH_EXIT_DONE;
    struct bh_found_job job;
    for (size_t i = 0; i < peek->count && result == BH_EXIT_DONE && !walk->stop; i++) {
        begin_job(walk, queue, BH_PLACE_RAW, peek->server_now, &job);
        if (!bh_job_peek_get(peek, i, &job.payload, &job.payload_bytes))
            continue;
        if (!may_look(walk))
            break;
        job.has_payload = job.payload.len == job.payload_bytes;
        result = bh_group_offer(walk, &job, NULL);
    }
    return result == BH_EXIT_DONE ? bh_group_flush(walk) : result;
}

static enum bh_exit
read_peek(struct bh_walk *walk, size_t queue, const struct bh_job_peek_ask *ask,
          struct redisReply **ret_reply, struct bh_job_peek *ret_peek)
{
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_PEEK);
    bh_encode_job_peek(&call, &walk->selection->queues.keys[queue], ask);
    enum bh_exit result = run_call(walk, &call, ret_reply);
    if (result == BH_EXIT_DONE && bh_decode_job_peek(*ret_reply, ret_peek) != BH_OK)
        return strange_reply(*ret_reply);
    return result;
}

static enum bh_exit
walk_payloads(struct bh_walk *walk, size_t queue, enum bh_key key)
{
    struct bh_job_peek_ask ask = {
        .place = key, .count = BH_JOB_PEEK_MAX, .payload_max = PEEK_PAYLOAD_MAX};
    struct bh_job_peek peek;
    do {
        struct redisReply *reply;
        enum bh_exit result = read_peek(walk, queue, &ask, &reply, &peek);
        if (result != BH_EXIT_DONE)
            return result;
        result = take_peek(walk, queue, &peek);
        bh_redis_reply_free(reply);
        if (result != BH_EXIT_DONE)
            return result;
        ask.before += peek.count;
    } while (peek.more && peek.count > 0 && !walk->stop);
    return BH_EXIT_DONE;
}

enum bh_exit
bh_walk_queue(struct bh_walk *walk, size_t queue)
{
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = 0; i < BH_ARRAY_LEN(places) && result == BH_EXIT_DONE && !walk->stop; i++) {
        if ((places[i].states & walk->states) == 0)
            continue;
        if (places[i].place == BH_PLACE_RAW)
            result = walk_payloads(walk, queue, places[i].key);
        else
            result = walk_records(walk, queue, places[i].place, places[i].key);
    }
    return result;
}

/* ---- the dead whose status has been forgotten ---- */

static enum bh_exit
take_named(struct bh_walk *walk, size_t queue, const struct bh_job_page *page,
           const char (*ids)[BH_JOB_ID_MAX + 1], size_t count, bool *found)
{
    struct bh_listed_job listed;
    struct bh_found_job job;
    for (size_t i = 0; i < page->count; i++) {
        size_t which = 0;
        if (!bh_job_page_get(page, i, &listed))
            continue;
        while (which < count && strcmp(ids[which], listed.head.id) != 0)
            which++;
        if (which == count || listed.head.id[0] == '\0')
            continue;
        found[which] = true;
        begin_job(walk, queue, BH_PLACE_DEAD, page->server_now, &job);
        job.handle = listed.handle;
        job.score = listed.score;
        job.has_head = true;
        job.head = listed.head;
        enum bh_exit result = bh_group_offer(walk, &job, NULL);
        if (result != BH_EXIT_DONE)
            return result;
    }
    return bh_group_flush(walk);
}

enum bh_exit
bh_walk_dead_for(struct bh_walk *walk, size_t queue, const char (*ids)[BH_JOB_ID_MAX + 1],
                 size_t count, bool *found)
{
    char cursor[BH_JOB_PAGE_CURSOR_MAX + 1] = "";
    struct bh_job_page_ask ask = {.place = BH_KEY_DEAD, .count = BH_JOB_PAGE_MAX, .waiting = ""};
    int pages = 0;
    do {
        struct redisReply *reply;
        struct bh_job_page page;
        ask.cursor = bh_str_from(cursor);
        enum bh_exit result = read_page(walk, queue, &ask, &reply, &page);
        if (result != BH_EXIT_DONE)
            return result;
        snprintf(cursor, sizeof(cursor), "%.*s", BH_STR_ARGS(page.next));
        result = take_named(walk, queue, &page, ids, count, found);
        bh_redis_reply_free(reply);
        if (result != BH_EXIT_DONE)
            return result;
    } while (cursor[0] != '\0' && ++pages < FORGOTTEN_PAGES_MAX && !walk->stop);
    return BH_EXIT_DONE;
}

/* ---- ids among those that nobody has claimed ---- */

static enum bh_exit
take_pushed(struct bh_walk *walk, size_t queue, const struct bh_job_peek *peek,
            const char (*ids)[BH_JOB_ID_MAX + 1], size_t count, bool *found)
{
    struct bh_found_job job;
    char id[BH_JOB_ID_MAX + 1];
    for (size_t i = 0; i < peek->count; i++) {
        size_t which = 0;
        begin_job(walk, queue, BH_PLACE_RAW, peek->server_now, &job);
        if (!bh_job_peek_get(peek, i, &job.payload, &job.payload_bytes) ||
            !bh_job_peek_id(job.payload.ptr, job.payload.len, id))
            continue;
        while (which < count && strcmp(ids[which], id) != 0)
            which++;
        if (which == count || found[which])
            continue;
        found[which] = true;
        job.has_payload = true;
        enum bh_exit result = bh_group_offer(walk, &job, NULL);
        if (result != BH_EXIT_DONE)
            return result;
    }
    return bh_group_flush(walk);
}

enum bh_exit
bh_walk_pushed_for(struct bh_walk *walk, size_t queue, const char (*ids)[BH_JOB_ID_MAX + 1],
                   size_t count, bool *found)
{
    static const enum bh_key lists[] = {BH_KEY_IN, BH_KEY_RAW};
    for (size_t i = 0; i < BH_ARRAY_LEN(lists); i++) {
        struct bh_job_peek_ask ask = {
            .place = lists[i], .count = BH_JOB_PEEK_MAX, .payload_max = PEEK_PAYLOAD_MAX};
        struct bh_job_peek peek = {.more = true, .count = 1};
        while (peek.more && peek.count > 0 && !walk->stop &&
               walk->pushed_looked < PUSHED_LOOKED_MAX) {
            struct redisReply *reply;
            enum bh_exit result = read_peek(walk, queue, &ask, &reply, &peek);
            if (result != BH_EXIT_DONE)
                return result;
            result = take_pushed(walk, queue, &peek, ids, count, found);
            bh_redis_reply_free(reply);
            if (result != BH_EXIT_DONE)
                return result;
            ask.before += peek.count;
            walk->pushed_looked += peek.count;
        }
    }
    return BH_EXIT_DONE;
}
