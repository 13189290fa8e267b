#include "redis/reply_reader.h"

#include <hiredis/hiredis.h>
#include <string.h>

#include "core/alloc.h"

/* More than a length of up to 20 digits needs. */
#define HEADER_LINE_MAX 32

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

/*
 * hiredis builds replies through a table of functions that it lets us exchange.  Ours look at the limits
 * and then call the original ones, so that a reply is still hiredis' own and freeReplyObject fits.
 */
struct bh_reply_functions {
    redisReplyObjectFunctions ours;
    redisReplyObjectFunctions originals;
};

/* A NULL from a function of the table makes hiredis stop with an error of its own. */
static void *
refuse(struct bh_reply_reader *self, const char *why)
{
    if (self->refusal == NULL)
        self->refusal = why;
    return NULL;
}

static void *
create_string(const redisReadTask *task, char *bytes, size_t len)
{
    struct bh_reply_reader *self = task->privdata;
    if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_STATUS &&
        task->type != REDIS_REPLY_ERROR)
        return refuse(self, "a type that RESP2 does not have");
    /* hiredis computes with an announced length near 2^63 and overflows; the bytes are not there. */
    if (len > self->limits.bytes_max)
        return refuse(self, "a reply over the size limit");
    return self->functions->originals.createString(task, bytes, len);
}

static void *
create_array(const redisReadTask *task, element_count count)
{
    struct bh_reply_reader *self = task->privdata;
    if (task->type != REDIS_REPLY_ARRAY)
        return refuse(self, "a type that RESP2 does not have");

    unsigned depth = 1;
    for (const redisReadTask *up = task->parent; up != NULL; up = up->parent)
        depth++;
    if (depth > BH_REPLY_DEPTH_MAX)
        return refuse(self, "a reply nested too deeply");

    if ((size_t)count > self->limits.elements_max - self->elements)
        return refuse(self, "a reply with too many elements");
    self->elements += (size_t)count;
    return self->functions->originals.createArray(task, count);
}

#if HIREDIS_MAJOR >= 1
static void *
create_double(const redisReadTask *task, double value, char *text, size_t len)
{
    (void)value, (void)text, (void)len;
    return refuse(task->privdata, "a type that RESP2 does not have");
}

static void *
create_bool(const redisReadTask *task, int value)
{
    (void)value;
    return refuse(task->privdata, "a type that RESP2 does not have");
}
#endif

static void
set_functions(struct bh_reply_reader *self)
{
    struct bh_reply_functions *functions = self->functions;
    functions->originals = *self->reader->fn;
    functions->ours = functions->originals;
    functions->ours.createString = create_string;
    functions->ours.createArray = create_array;
#if HIREDIS_MAJOR >= 1
    functions->ours.createDouble = create_double;
    functions->ours.createBool = create_bool;
#endif
    self->reader->fn = &functions->ours;
    self->reader->privdata = self;
}

enum bh_status
bh_reply_reader_init(struct bh_reply_reader *reader, const struct bh_reply_limits *limits)
{
    *reader = (struct bh_reply_reader){.limits = *limits};
    reader->functions = bh_alloc_zero(sizeof(*reader->functions));
    if (reader->functions == NULL)
        return BH_ENOMEM;
    enum bh_status status = bh_reply_reader_reset(reader);
    if (status != BH_OK)
        bh_reply_reader_release(reader);
    return status;
}

void
bh_reply_reader_release(struct bh_reply_reader *reader)
{
    if (reader->reader != NULL)
        redisReaderFree(reader->reader);
    bh_free(reader->functions);
    *reader = (struct bh_reply_reader){0};
}

enum bh_status
bh_reply_reader_reset(struct bh_reply_reader *reader)
{
    /* The old one goes first: after an error it must not be used for anything else. */
    if (reader->reader != NULL)
        redisReaderFree(reader->reader);
    reader->bytes = 0;
    reader->elements = 0;
    reader->refusal = NULL;
    reader->reader = redisReaderCreate();
    if (reader->reader == NULL)
        return BH_ENOMEM;
    set_functions(reader);
    return BH_OK;
}

enum bh_status
bh_reply_reader_feed(struct bh_reply_reader *reader, const char *bytes, size_t len)
{
    /* After an error hiredis takes nothing more; bh_reply_reader_next goes on telling of it. */
    if (reader->refusal != NULL || reader->reader->err != 0)
        return BH_OK;
    if (redisReaderFeed(reader->reader, bytes, len) != REDIS_OK)
        return BH_ENOMEM;
    reader->bytes += len;
    return BH_OK;
}

/*
 * What hiredis waits for begins at `pos`.  With a line's end close behind it, it is a string whose bytes
 * are on their way (a whole line would have been consumed); otherwise it is a line.
 */
static bool
line_is_too_long(const redisReader *hiredis)
{
    size_t waiting = hiredis->len - hiredis->pos;
    if (waiting <= BH_REPLY_LINE_MAX)
        return false;
    const char *line = hiredis->buf + hiredis->pos;
    for (size_t i = 0; i < HEADER_LINE_MAX; i++) {
        if (line[i] == '\r' && line[i + 1] == '\n')
            return false;
    }
    return true;
}

static void
check_waiting(struct bh_reply_reader *reader)
{
    if (reader->bytes > reader->limits.bytes_max)
        reader->refusal = "a reply over the size limit";
    else if (line_is_too_long(reader->reader))
        reader->refusal = "a line without an end";
}

enum bh_status
bh_reply_reader_next(struct bh_reply_reader *reader, struct redisReply **ret_reply)
{
    if (reader->refusal != NULL)
        return BH_EPROTO;

    void *reply = NULL;
    if (redisReaderGetReply(reader->reader, &reply) != REDIS_OK)
        return BH_EPROTO;
    if (reply == NULL) {
        check_waiting(reader);
        if (reader->refusal != NULL)
            return BH_EPROTO;
        *ret_reply = NULL;
        return BH_OK;
    }
    /* What is left in the buffer belongs to the next reply. */
    reader->bytes = reader->reader->len - reader->reader->pos;
    reader->elements = 0;
    *ret_reply = reply;
    return BH_OK;
}

const char *
bh_reply_reader_error(const struct bh_reply_reader *reader)
{
    if (reader->refusal != NULL)
        return reader->refusal;
    return reader->reader->errstr;
}

void
bh_redis_reply_free(struct redisReply *reply)
{
    if (reply != NULL)
        freeReplyObject(reply);
}
