#include "cli/uncertain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/display.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/alloc.h"
#include "core/json.h"
#include "core/mask.h"
#include "redis/job_page.h"
#include "redis/reply_reader.h"
#include "redis/reply_view.h"

#define PAGES_MAX 20 /* of BH_JOB_PAGE_MAX jobs, in one place of one queue */
#define LINE_MAX  ((size_t)64 * 1024)
#define WHY_SHOWN 200 /* bytes of an error in the table; `show` has all of it */

struct found {
    size_t queue;
    bool ended;    /* `unknown`; else it still waits */
    int64_t since; /* unix ms */
    uint32_t attempts;
    char id[BH_JOB_ID_MAX + 1];
};

struct search {
    struct bh_cli *cli;
    const struct bh_queue_choice *queues;
    struct found *found; /* owned; BH_UNCERTAIN_MAX */
    size_t count;
    bool cut; /* not everything was looked at */

    const char *wanted; /* the one id to be found; NULL: list all */
    size_t wanted_queue;
    char wanted_handle[BH_UNCERTAIN_HANDLE_MAX]; /* "": not found yet */
};

/* ---- finding ---- */

static void
take(struct search *search, size_t queue, bool ended, const struct bh_listed_job *job)
{
    const struct bh_job_head *head = &job->head;
    bool uncertain = head->waiting == BH_WAITING_UNCERTAIN || head->uncertain_since.ms != 0;
    if (!uncertain || head->id[0] == '\0')
        return;
    if (search->count == BH_UNCERTAIN_MAX) {
        search->cut = true;
        return;
    }
    struct found *found = &search->found[search->count++];
    *found = (struct found){.queue = queue, .ended = ended, .attempts = head->attempts};
    found->since = head->uncertain_since.ms != 0 ? head->uncertain_since.ms : job->score.ms;
    memcpy(found->id, head->id, sizeof(found->id));
}

static void
compare(struct search *search, size_t queue, const struct bh_listed_job *job)
{
    if (strcmp(job->head.id, search->wanted) != 0 ||
        job->handle.len >= sizeof(search->wanted_handle))
        return;
    search->wanted_queue = queue;
    snprintf(search->wanted_handle, sizeof(search->wanted_handle), "%.*s",
             BH_STR_ARGS(job->handle));
}

/* One page; *cursor is moved on, and empty when there are no more. */
static enum bh_exit
look_at_page(struct search *search, size_t queue, struct bh_job_page_ask *ask, char *cursor)
{
    struct bh_job_page page;
    struct bh_call call;
    struct redisReply *reply;
    bh_call_init(&call, BH_SCRIPT_LIST);
    ask->cursor = bh_str_from(cursor);
    bh_encode_job_page(&call, &search->queues->keys[queue], ask);
    enum bh_exit result = bh_session_script(search->cli, "list jobs", &call, &reply);
    bh_call_release(&call);
    if (result != BH_EXIT_DONE)
        return result;
    if (bh_decode_job_page(reply, &page) != BH_OK) {
        bh_redis_reply_free(reply);
        return bh_cli_fail("cannot list jobs: Redis answers what our script does not give");
    }
    for (size_t i = 0; i < page.count; i++) {
        struct bh_listed_job job;
        if (!bh_job_page_get(&page, i, &job))
            continue;
        if (search->wanted != NULL)
            compare(search, queue, &job);
        else
            take(search, queue, ask->place == BH_KEY_DEAD, &job);
    }
    snprintf(cursor, BH_JOB_PAGE_CURSOR_MAX + 1, "%.*s", BH_STR_ARGS(page.next));
    bh_redis_reply_free(reply);
    return BH_EXIT_DONE;
}

static enum bh_exit
look_at_place(struct search *search, size_t queue, enum bh_key place)
{
    struct bh_job_page_ask ask = {
        .place = place,
        .count = BH_JOB_PAGE_MAX,
        /* A job may be held for another cause and be uncertain too; among the dead the letter tells. */
        .waiting = place == BH_KEY_DEAD ? "u" : "urh",
    };
    char cursor[BH_JOB_PAGE_CURSOR_MAX + 1] = "";
    for (int pages = 0; pages < PAGES_MAX; pages++) {
        enum bh_exit result = look_at_page(search, queue, &ask, cursor);
        if (result != BH_EXIT_DONE || cursor[0] == '\0' || search->wanted_handle[0] != '\0')
            return result;
    }
    search->cut = true;
    return BH_EXIT_DONE;
}

static enum bh_exit
look_everywhere(struct search *search)
{
    static const enum bh_key places[] = {BH_KEY_DEAD, BH_KEY_READY, BH_KEY_SUSPECTS, BH_KEY_DUE};
    for (size_t queue = 0; queue < search->queues->count; queue++) {
        for (size_t i = 0; i < BH_ARRAY_LEN(places); i++) {
            enum bh_exit result = look_at_place(search, queue, places[i]);
            if (result != BH_EXIT_DONE)
                return result;
        }
    }
    return BH_EXIT_DONE;
}

static int
compare_age(const void *left, const void *right)
{
    const struct found *a = left, *b = right;
    if (a->since != b->since)
        return a->since < b->since ? -1 : 1;
    return strcmp(a->id, b->id);
}

/* ---- printing ---- */

/* What the status hash adds; views borrow from the reply. */
struct details {
    struct redisReply *reply; /* owned */
    struct bh_str state, to, error;
};

static enum bh_exit
read_details(const struct search *search, const struct found *found, struct details *ret_details)
{
    struct bh_buf key;
    bh_buf_init(&key, BH_KEY_MAX + BH_JOB_ID_MAX + 16);
    if (bh_key_append_status(&key, &search->queues->keys[found->queue], found->id) != BH_OK) {
        bh_buf_release(&key);
        return bh_cli_fail("short of memory");
    }
    const struct bh_str argv[] = {BH_STR_LITERAL("HMGET"), bh_buf_str(&key),
                                  BH_STR_LITERAL("state"), BH_STR_LITERAL("to"),
                                  BH_STR_LITERAL("error")};
    struct details details = {
        NULL, {NULL, 0},
         {NULL, 0},
         {NULL, 0}
    };
    enum bh_exit result = bh_session_command(search->cli, "read the job's status",
                                             BH_ARRAY_LEN(argv), argv, &details.reply);
    bh_buf_release(&key);
    if (result != BH_EXIT_DONE)
        return result;
    (void)bh_reply_str(details.reply, 0, &details.state);
    (void)bh_reply_str(details.reply, 1, &details.to);
    (void)bh_reply_str(details.reply, 2, &details.error);
    *ret_details = details;
    return BH_EXIT_DONE;
}

/* "49*********678", and how many more there are. */
static struct bh_time_text
masked(struct bh_str to)
{
    struct bh_time_text text = {"-"};
    struct bh_str rest = to, first, other;
    size_t more = 0;
    if (to.len == 0 || !bh_str_split(&rest, ',', &first))
        return text;
    while (bh_str_split(&rest, ',', &other))
        more++;
    struct bh_masked one = bh_mask_msisdn(first);
    if (more > 0)
        snprintf(text.text, sizeof(text.text), "%.24s +%zu", one.text, more);
    else
        snprintf(text.text, sizeof(text.text), "%.47s", one.text);
    return text;
}

static struct bh_str
why(const struct details *details)
{
    if (details->state.len == 0)
        return BH_STR_LITERAL("its status has been forgotten");
    return details->error.len > 0 ? details->error
                                  : BH_STR_LITERAL("the worker that was sending it ended");
}

static enum bh_status
print_json(const struct search *search, const struct found *found, const struct details *details)
{
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, LINE_MAX);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "queue", search->queues->names[found->queue]);
    bh_json_put_text(&writer, "id", found->id);
    bh_json_put_text(&writer, "state", found->ended ? "unknown" : "uncertain");
    bh_json_put_text(&writer, "to", masked(details->to).text);
    if (found->since > 0)
        bh_json_put_int(&writer, "since", found->since);
    bh_json_put_int(&writer, "attempts", found->attempts);
    bh_json_put_string(&writer, "why", why(details));
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status;
}

static void
add_row(struct bh_table *table, const struct search *search, const struct found *found,
        const struct details *details)
{
    struct bh_wall since = {found->since};
    struct bh_buf safe;
    bh_buf_init(&safe, LINE_MAX);
    (void)bh_display_append(&safe, why(details));
    bh_table_add(table, BH_STYLE_BOLD, "%s", found->id);
    bh_table_add(table, BH_STYLE_PLAIN, "%s", search->queues->names[found->queue]);
    bh_table_add(table, found->ended ? BH_STYLE_BAD : BH_STYLE_WARN,
                 found->ended ? "unknown" : "uncertain");
    bh_table_add(table, BH_STYLE_PLAIN, "%s", masked(details->to).text);
    bh_table_add(table, BH_STYLE_PLAIN, "%s", since.ms > 0 ? bh_display_time(since).text : "-");
    bh_table_add(table, BH_STYLE_PLAIN, "%u", found->attempts);
    bh_table_add(table, BH_STYLE_PLAIN, "%.*s", WHY_SHOWN, bh_buf_text(&safe));
    bh_buf_release(&safe);
}

static enum bh_exit
print_found(const struct search *search, size_t limit, struct bh_table *table)
{
    for (size_t i = 0; i < search->count && i < limit; i++) {
        struct details details;
        enum bh_exit result = read_details(search, &search->found[i], &details);
        if (result != BH_EXIT_DONE)
            return result;
        enum bh_status status = BH_OK;
        if (search->cli->json)
            status = print_json(search, &search->found[i], &details);
        else
            add_row(table, search, &search->found[i], &details);
        bh_redis_reply_free(details.reply);
        if (status != BH_OK)
            return bh_cli_fail("short of memory");
    }
    if (!search->cli->json && bh_table_print(table, stdout, search->cli->colour) != BH_OK)
        return bh_cli_fail("short of memory");
    return BH_EXIT_DONE;
}

static enum bh_exit
print_all(struct search *search, size_t limit)
{
    static const char *const titles[] = {"ID", "QUEUE", "STATE", "TO", "SINCE", "ATTEMPTS", "WHY"};
    struct bh_table table;
    qsort(search->found, search->count, sizeof(search->found[0]), compare_age);
    bh_table_init(&table, BH_ARRAY_LEN(titles), 0x20);
    for (size_t i = 0; i < BH_ARRAY_LEN(titles); i++)
        bh_table_add(&table, BH_STYLE_DIM, "%s", titles[i]);
    enum bh_exit result = print_found(search, limit, &table);
    bh_table_release(&table);
    if (result == BH_EXIT_DONE && search->count > limit)
        bh_cli_warn("%zu more; see them with --limit", search->count - limit);
    return result;
}

enum bh_exit
bh_uncertain_list(struct bh_cli *cli, const struct bh_queue_choice *queues, size_t limit)
{
    struct search search = {.cli = cli, .queues = queues};
    search.found = bh_alloc_array(BH_UNCERTAIN_MAX, sizeof(search.found[0]));
    if (search.found == NULL)
        return bh_cli_fail("short of memory");
    enum bh_exit result = look_everywhere(&search);
    if (result == BH_EXIT_DONE && search.count > 0)
        result = print_all(&search, limit);
    if (result == BH_EXIT_DONE && search.cut)
        bh_cli_warn("there is more than this command looks at, so there may be older ones");
    if (result == BH_EXIT_DONE && search.count == 0) {
        bh_cli_warn("no job is uncertain");
        result = BH_EXIT_NOTHING;
    }
    bh_free(search.found);
    return result;
}

enum bh_exit
bh_uncertain_find(struct bh_cli *cli, const struct bh_queue_choice *queues, const char *id,
                  size_t *ret_queue, char ret_handle[BH_UNCERTAIN_HANDLE_MAX])
{
    struct search search = {.cli = cli, .queues = queues, .wanted = id};
    for (size_t queue = 0; queue < queues->count; queue++) {
        enum bh_exit result = look_at_place(&search, queue, BH_KEY_DEAD);
        if (result != BH_EXIT_DONE)
            return result;
        if (search.wanted_handle[0] == '\0')
            continue;
        *ret_queue = search.wanted_queue;
        memcpy(ret_handle, search.wanted_handle, sizeof(search.wanted_handle));
        return BH_EXIT_DONE;
    }
    if (search.cut)
        bh_cli_warn("there are more unknown jobs than this command looks at; %s may be among them",
                    id);
    return BH_EXIT_NOTHING;
}
