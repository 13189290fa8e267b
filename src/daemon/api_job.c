#include <string.h>

#include "core/ascii.h"
#include "core/job_head.h"
#include "daemon/api_internal.h"
#include "redis/reply_view.h"

/* So many of the stream's newest entries are looked through for those about this job. */
#define STREAM_LOOK "1000"
#define ENTRIES_MAX 100

enum slot { SLOT_STATUS, SLOT_AUDIT, SLOT_EVENTS, SLOT_RECORD, SLOT_DUE, SLOT_LEASES, SLOT_DEAD };

/* ---- the status hash ---- */

enum show {
    SHOW_ALL,   /* to everybody */
    SHOW_WORDS, /* to everybody, without what may be a number */
    SHOW_ADMIN, /* to the administrator */
    SHOW_NEVER, /* told in another way, or private */
};

static enum show
how_to_show(struct bh_str name)
{
    static const struct {
        const char *name;
        enum show show;
    } rows[] = {
        {"state",         SHOW_ALL  },
        {"reason",        SHOW_ALL  },
        {"type",          SHOW_ALL  },
        {"attempts",      SHOW_ALL  },
        {"created_at",    SHOW_ALL  },
        {"updated_at",    SHOW_ALL  },
        {"next_at",       SHOW_ALL  },
        {"expires_at",    SHOW_ALL  },
        {"sent_at",       SHOW_ALL  },
        {"code",          SHOW_ALL  },
        {"http_status",   SHOW_ALL  },
        {"error",         SHOW_WORDS},
        {"first_error",   SHOW_WORDS},
        {"parts",         SHOW_ALL  },
        {"encoding",      SHOW_ALL  },
        {"price",         SHOW_ALL  },
        {"confirmed_by",  SHOW_ALL  },
        {"delivery",      SHOW_ALL  },
        {"delivered_at",  SHOW_ALL  },
        {"delivery_path", SHOW_ALL  },
        {"duration",      SHOW_ALL  },
        {"callback_at",   SHOW_ALL  },
        {"to",            SHOW_NEVER},
        {"handle",        SHOW_NEVER},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        if (bh_str_equal_text(name, rows[i].name))
            return rows[i].show;
    }
    return SHOW_ADMIN;
}

static struct bh_str
find_field(const struct redisReply *status, const char *name)
{
    struct bh_str key, value = {"", 0};
    for (size_t i = 0; i + 1 < bh_reply_count(status); i += 2) {
        if (bh_reply_str(status, i, &key) && bh_str_equal_text(key, name))
            (void)bh_reply_str(status, i + 1, &value);
    }
    return value;
}

/* A field's name is a member's name: ours are words, and what is none is left out. */
static bool
copy_name(struct bh_str name, char *text, size_t size)
{
    if (name.len == 0 || name.len >= size)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!bh_is_alnum(name.ptr[i]) && name.ptr[i] != '_')
            return false;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return true;
}

static void
put_fields(struct bh_json_writer *writer, const struct redisReply *status, bool admin)
{
    struct bh_str key, value;
    char name[40];
    bh_json_open_object(writer, "fields");
    for (size_t i = 0; i + 1 < bh_reply_count(status); i += 2) {
        if (!bh_reply_str(status, i, &key) || !bh_reply_str(status, i + 1, &value) ||
            !copy_name(key, name, sizeof(name)))
            continue;
        enum show show = how_to_show(key);
        if (show == SHOW_ALL || (show == SHOW_ADMIN && admin))
            bh_json_put_string(writer, name, value);
        else if (show == SHOW_WORDS)
            bh_api_put_words(writer, name, value, admin);
    }
    bh_json_close_object(writer);
}

/* ---- its record ---- */

static void
put_record(struct bh_json_writer *writer, const struct redisReply *reply)
{
    struct bh_job_head head;
    struct bh_str record;
    if (!bh_reply_str(reply, 0, &record) || bh_job_head_parse(record, &head) != BH_OK) {
        bh_json_put_null(writer, "record");
        return;
    }
    bh_json_open_object(writer, "record");
    bh_json_put_int(writer, "attempts", head.attempts);
    bh_json_put_int(writer, "recoveries", head.recoveries);
    bh_json_put_int(writer, "created_at", head.created.ms);
    bh_json_put_int(writer, "started_at", head.started.ms);
    bh_json_put_int(writer, "due_at", head.due.ms);
    bh_json_put_int(writer, "expires_at", head.expires.ms);
    bh_json_put_int(writer, "uncertain_since", head.uncertain_since.ms);
    bh_json_put_bool(writer, "uncertain",
                     head.waiting == BH_WAITING_UNCERTAIN || head.uncertain_since.ms > 0);
    bh_json_put_string(writer, "lost_by", head.lost_by);
    bh_json_close_object(writer);
}

static void
put_place(struct bh_json_writer *writer, const struct bh_api_task *task)
{
    static const char *const names[] = {"due", "leases", "dead"};
    struct bh_str score, record;
    const char *place = bh_reply_str(task->slots[SLOT_RECORD].reply, 0, &record) ? "ready" : "none";
    for (size_t i = 0; i < BH_ARRAY_LEN(names); i++) {
        if (bh_reply_str(task->slots[SLOT_DUE + i].reply, 0, &score))
            place = names[i];
    }
    bh_json_put_text(writer, "place", place);
}

/* ---- streams ---- */

/* One line may be about several jobs. */
static bool
is_about(struct bh_str ids, const char *id)
{
    struct bh_str rest = ids, one;
    while (ids.len > 0 && bh_str_split(&rest, ' ', &one)) {
        if (bh_str_equal_text(one, id))
            return true;
    }
    return false;
}

/* The entries about this job, newest first, with these of their fields. */
static void
put_entries(struct bh_json_writer *writer, const char *name, const struct redisReply *stream,
            const char *id, const char *const *fields, size_t fields_count)
{
    unsigned found = 0;
    bh_json_open_array(writer, name);
    for (size_t i = 0; i < bh_reply_count(stream) && found < ENTRIES_MAX; i++) {
        const struct redisReply *pairs = bh_reply_at(bh_reply_at(stream, i), 1);
        if (!is_about(find_field(pairs, "id"), id))
            continue;
        found++;
        bh_json_open_object(writer, NULL);
        for (size_t j = 0; j < fields_count; j++)
            bh_json_put_string(writer, fields[j], find_field(pairs, fields[j]));
        bh_json_close_object(writer);
    }
    bh_json_close_array(writer);
}

/* ---- the answer ---- */

static void
answer_job(struct bh_api_task *task, struct bh_http_answer *answer)
{
    static const char *const audit[] = {"at", "who", "what", "before", "after"};
    static const char *const events[] = {"at",       "state",    "reason",    "code",
                                         "attempts", "delivery", "message_id"};
    const struct redisReply *status = task->slots[SLOT_STATUS].reply;
    struct bh_json_writer writer;
    answer->status = 200;
    answer->content_type = "application/json";
    bh_json_writer_init(&writer, &answer->body);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "queue", task->route.queue);
    bh_json_put_text(&writer, "id", task->route.id);
    bh_json_put_bool(&writer, "masked", !task->admin);
    bh_api_put_recipients(&writer, find_field(status, "to"), task->admin);
    put_fields(&writer, status, task->admin);
    put_place(&writer, task);
    put_record(&writer, task->slots[SLOT_RECORD].reply);
    put_entries(&writer, "audit", task->slots[SLOT_AUDIT].reply, task->route.id, audit,
                BH_ARRAY_LEN(audit));
    put_entries(&writer, "events", task->slots[SLOT_EVENTS].reply, task->route.id, events,
                BH_ARRAY_LEN(events));
    bh_json_close_object(&writer);
}

static void
ask_by_handle(struct bh_api_task *task, const char *command, enum bh_key key, struct bh_str handle)
{
    const struct bh_str argv[] = {bh_str_from(command), bh_queue_key(&task->keys, key), handle};
    bh_api_ask(task, BH_ARRAY_LEN(argv), argv);
}

static void
status_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    const struct redisReply *status = task->slots[SLOT_STATUS].reply;
    if (bh_reply_count(status) == 0) {
        bh_api_refuse(answer, 404,
                      "it is not known in this queue: no worker has seen it yet, it was never "
                      "pushed, or it ended so long ago that its status has been forgotten");
        return;
    }
    struct bh_str handle = find_field(status, "handle");
    task->next = answer_job;
    if (handle.len == 0) {
        answer_job(task, answer);
        return;
    }
    ask_by_handle(task, "HMGET", BH_KEY_HEADS, handle);
    ask_by_handle(task, "ZMSCORE", BH_KEY_DUE, handle);
    ask_by_handle(task, "ZMSCORE", BH_KEY_LEASES, handle);
    ask_by_handle(task, "ZMSCORE", BH_KEY_DEAD, handle);
}

static void
ask_stream(struct bh_api_task *task, enum bh_key key)
{
    const struct bh_str argv[] = {BH_STR_LITERAL("XREVRANGE"), bh_queue_key(&task->keys, key),
                                  BH_STR_LITERAL("+"),         BH_STR_LITERAL("-"),
                                  BH_STR_LITERAL("COUNT"),     BH_STR_LITERAL(STREAM_LOOK)};
    bh_api_ask(task, BH_ARRAY_LEN(argv), argv);
}

void
bh_api_begin_job(struct bh_api_task *task)
{
    struct bh_buf key;
    task->next = status_came;
    bh_buf_init(&key, BH_KEY_MAX + BH_JOB_ID_MAX + 16);
    if (bh_key_append_status(&key, &task->keys, task->route.id) == BH_OK) {
        const struct bh_str argv[] = {BH_STR_LITERAL("HGETALL"), bh_buf_str(&key)};
        bh_api_ask(task, BH_ARRAY_LEN(argv), argv);
        ask_stream(task, BH_KEY_AUDIT);
        ask_stream(task, BH_KEY_EVENTS);
    }
    bh_buf_release(&key);
}
