#include <stdarg.h>

#include "core/alloc.h"
#include "core/config.h"

#define TEXT_MAX 8192

void
bh_config_report_release(struct bh_config_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        bh_free(report->messages[i].where);
        bh_free(report->messages[i].text);
    }
    bh_free(report->messages);
    *report = (struct bh_config_report){0};
}

/* The next free place, the array having been made at the first message. */
static struct bh_config_message *
next_message(struct bh_config_report *report)
{
    if (report->messages == NULL)
        report->messages = bh_alloc_array(BH_CONFIG_MESSAGES_MAX, sizeof(report->messages[0]));
    return report->messages != NULL ? &report->messages[report->count] : NULL;
}

void
bh_config_report_add(struct bh_config_report *report, enum bh_config_severity severity,
                     const char *where, const char *format, ...)
{
    if (severity == BH_CONFIG_ERROR)
        report->errors++;
    else
        report->warnings++;
    if (report->count == BH_CONFIG_MESSAGES_MAX)
        return;

    struct bh_buf text;
    bh_buf_init(&text, TEXT_MAX);
    va_list args;
    va_start(args, format);
    bh_buf_vprintf(&text, format, args);
    va_end(args);
    char last = text.len > 0 ? text.ptr[text.len - 1] : '\0';
    if (last != '.' && last != '?' && last != ')')
        bh_buf_append_char(&text, '.');

    struct bh_config_message *message = next_message(report);
    char *where_copy = bh_strdup(where);
    char *text_copy = bh_buf_take(&text);
    if (message == NULL || where_copy == NULL || text_copy == NULL) {
        bh_free(where_copy);
        bh_free(text_copy);
        report->failed = BH_ENOMEM;
        return;
    }
    *message = (struct bh_config_message){severity, where_copy, text_copy};
    report->count++;
}

enum bh_status
bh_config_report_print(const struct bh_config_report *report, struct bh_buf *buf)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct bh_config_message *message = &report->messages[i];
        bh_buf_printf(buf, "%s: %s: %s\n", message->where,
                      message->severity == BH_CONFIG_ERROR ? "error" : "warning", message->text);
    }
    size_t all = report->errors + report->warnings;
    if (all > report->count)
        bh_buf_printf(buf, "... and %zu more.\n", all - report->count);
    return bh_buf_status(buf);
}
