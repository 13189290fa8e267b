/*
 * webhook_body - the fields of what is posted to a webhook, wherever they stand.
 *
 * Knows all forms that were seen (the gateway's page on webhooks, and receivers written by the vendor): the query of a GET, a
 * form that is flat or nested as data[NAME], JSON that is flat or nested in `data`.  All of them are read everywhere.  What
 * the fields mean is the caller's to know.
 */
#ifndef BH_CORE_WEBHOOK_BODY_H
#define BH_CORE_WEBHOOK_BODY_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/str.h"

/* The largest body that is looked at. */
#define BH_WEBHOOK_BODY_MAX ((size_t)256 * 1024)

/* The longest value of a form, decoded; longer ones are left out.  A text of ten parts in UTF-8 fits. */
#define BH_WEBHOOK_VALUE_MAX 8191

/* What came over HTTP.  All borrowed. */
struct bh_webhook_post {
    struct bh_str content_type; /* empty: the body is looked at */
    struct bh_str query;        /* without "?" */
    struct bh_str body;
};

/*
 * One field: name without its nesting, value trimmed of blanks at both ends.  Both are borrowed until it returns.  Values
 * are strings or numbers as they are written; others are left out.
 */
typedef void bh_webhook_on_field(void *arg, struct bh_str name, struct bh_str value);

/*
 * Call `on_field` for each field: those of the body first, nested before flat, then those of the query.
 * *ret_empty: the body holds nothing (no bytes, or an empty JSON container).
 * BH_EINVAL: the body is too long, of a type that is not understood, or broken; `error` (may be NULL) says
 * so in one sentence, and no field was told.  BH_ENOMEM.
 */
enum bh_status bh_webhook_read(const struct bh_webhook_post *post, bh_webhook_on_field *on_field,
                               void *arg, bool *ret_empty, struct bh_error *error) BH_MUST_CHECK;

#endif
