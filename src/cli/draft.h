/*
 * draft - a job from the options of `bellhop send`.
 */
#ifndef BH_CLI_DRAFT_H
#define BH_CLI_DRAFT_H

#include <bellhop/job.h>

#include "cli/options.h"
#include "core/buf.h"

/* The options that become fields; part of what `send` reads. */
struct bh_draft_options {
    struct bh_option_list to;
    struct bh_option_list files; /* paths */
    const char *text;
    const char *text_file;
    const char *file_validity;
    const char *file_password;
    const char *type;
    const char *from;
    const char *delay;
    const char *ttl;
    const char *udh;
    const char *label;
    const char *foreign_id;
    const char *id;
    const char *enqueued_at;
    const char *on_uncertain;
    const char *retry;
    const char *callback_url;
    const char *meta;
    bool no_reload;
    bool unicode;
    bool flash;
    bool utf8;
    bool performance_tracking;
    bool xml;
    bool debug;
};

/* A draft with what it borrows from. */
struct bh_draft {
    struct bh_job_draft fields;
    struct bh_buf to;
    struct bh_buf text;
    struct bh_buf files;
};

/*
 * Read the files, join the recipients.  `id` and `enqueued_at` are taken where the options have none; all are
 * borrowed until release.  On BH_OK bh_draft_release, in the end; otherwise a sentence in *ret_error.
 */
enum bh_status bh_draft_make(const struct bh_draft_options *options, const char *id,
                             const char *enqueued_at, struct bh_draft *ret_draft,
                             struct bh_error *ret_error) BH_MUST_CHECK;
void bh_draft_release(struct bh_draft *draft);

#endif
