#include <bellhop/job.h>

#include "core/alloc.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/json_scan.h"
#include "core/utf8.h"

/* A text member of the draft and its field. */
struct piece {
    const char *name;
    const char *text; /* NULL: not wanted */
};

static enum bh_status
put_texts(struct bh_json_writer *writer, const struct bh_job_draft *draft, struct bh_error *error)
{
    const struct piece pieces[] = {
        {"id",           draft->id          },
        {"type",         draft->type        },
        {"to",           draft->to          },
        {"from",         draft->from        },
        {"text",         draft->text        },
        {"delay",        draft->delay       },
        {"ttl",          draft->ttl         },
        {"udh",          draft->udh         },
        {"label",        draft->label       },
        {"foreign_id",   draft->foreign_id  },
        {"enqueued_at",  draft->enqueued_at },
        {"on_uncertain", draft->on_uncertain},
        {"retry",        draft->retry       },
        {"callback_url", draft->callback_url},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(pieces); i++) {
        struct bh_str text = bh_str_from(pieces[i].text);
        if (text.ptr == NULL)
            continue;
        /* The writer would replace what is not UTF-8, and something else than was given would be sent. */
        if (!bh_utf8_is_valid(text))
            return bh_error_set(error, pieces[i].name, "field `%s` is not UTF-8", pieces[i].name);
        bh_json_put_string(writer, pieces[i].name, text);
    }
    return BH_OK;
}

static void
put_flags(struct bh_json_writer *writer, const struct bh_job_draft *draft)
{
    const struct {
        const char *name;
        bool set;
    } flags[] = {
        {"no_reload",            draft->no_reload           },
        {"unicode",              draft->unicode             },
        {"flash",                draft->flash               },
        {"utf8",                 draft->utf8                },
        {"performance_tracking", draft->performance_tracking},
        {"xml",                  draft->xml                 },
        {"debug",                draft->debug               },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(flags); i++) {
        if (flags[i].set)
            bh_json_put_bool(writer, flags[i].name, true);
    }
}

/*
 * Members that are JSON already.  Each has to be one value, or it could close the object and go on with
 * fields of its own.
 */
static enum bh_status
put_values(struct bh_json_writer *writer, const struct bh_job_draft *draft, struct bh_error *error)
{
    const struct piece pieces[] = {
        {"files", draft->files},
        {"meta",  draft->meta },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(pieces); i++) {
        struct bh_str json = bh_str_from(pieces[i].text);
        struct bh_json_fault fault;
        if (json.ptr == NULL)
            continue;
        if (!bh_json_scan(json, &fault))
            return bh_error_set(error, pieces[i].name,
                                "field `%s` is not valid JSON at byte %zu: %s", pieces[i].name,
                                fault.at + 1, fault.problem);
        bh_json_put_raw(writer, pieces[i].name, json);
    }
    return BH_OK;
}

static enum bh_status
write_draft(struct bh_buf *buf, const struct bh_job_draft *draft, struct bh_error *error)
{
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    enum bh_status status = put_texts(&writer, draft, error);
    put_flags(&writer, draft);
    if (status == BH_OK)
        status = put_values(&writer, draft, error);
    bh_json_close_object(&writer);
    if (status != BH_OK)
        return status;
    if (bh_buf_status(buf) == BH_ETOOBIG)
        return bh_error_set(error, NULL, "the job has more than %zu bytes", buf->max);
    return bh_buf_status(buf);
}

static size_t
bytes_max(const struct bh_job_rules *rules)
{
    size_t max = rules != NULL ? rules->bytes_max_with_files : 0;
    if (max == 0)
        max = BH_JOB_BYTES_MAX_WITH_FILES;
    return rules != NULL && rules->bytes_max > max ? rules->bytes_max : max;
}

enum bh_job_verdict
bh_job_make(const struct bh_job_draft *draft, const struct bh_job_rules *rules, char **ret_json,
            struct bh_error *ret_error)
{
    struct bh_buf buf;
    bh_buf_init(&buf, bytes_max(rules));
    struct bh_job *job = NULL;
    enum bh_job_verdict verdict = BH_JOB_BAD;
    char *json = NULL;

    enum bh_status status = write_draft(&buf, draft, ret_error);
    if (status == BH_ENOMEM)
        verdict = BH_JOB_NO_MEMORY;
    if (status != BH_OK)
        goto out;
    verdict = bh_job_parse(buf.ptr, buf.len, rules, &job, ret_error);
    if (verdict != BH_JOB_VALID)
        goto out;
    json = bh_buf_take(&buf);
    if (json == NULL)
        verdict = BH_JOB_NO_MEMORY;
    else
        *ret_json = json;
out:
    bh_job_free(job);
    bh_buf_release(&buf);
    return verdict;
}

void
bh_job_json_free(char *json)
{
    bh_free(json);
}
