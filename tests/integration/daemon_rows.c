#include "daemon_rows.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* The separator of "name=value" or "name~part". */
static size_t
name_length(const char *wanted)
{
    return strcspn(wanted, "=~");
}

void
daemon_check_status(struct bh_rig *rig, const char *queue, const char *id, const char *row,
                    const char *wanted)
{
    if (wanted[0] == '!') {
        const char *value = bh_rig_field(rig, queue, id, wanted + 1);
        cr_expect_str_empty(value, "%s: status has %s = %s", row, wanted + 1, value);
        return;
    }
    size_t len = name_length(wanted);
    const char *name = bh_rig_text(rig, "%.*s", (int)len, wanted);
    const char *value = bh_rig_field(rig, queue, id, name);
    const char *rest = wanted + len + 1;
    bool good = wanted[len] == '=' ? strcmp(value, rest) == 0 : strstr(value, rest) != NULL;
    cr_expect(good, "%s: status %s is \"%s\", wanted %s", row, name, value, wanted);
}

static void
check_form(const struct bh_tap_request *request, const char *row, const char *wanted)
{
    unsigned count;
    size_t len = name_length(wanted);
    if (wanted[0] == '!') {
        char *value = bh_tap_form(request, wanted + 1, &count);
        cr_expect(count == 0, "%s: the request has %s = %s", row, wanted + 1, value);
        free(value);
        return;
    }
    char *name = strndup(wanted, len);
    char *value = bh_tap_form(request, name, &count);
    cr_expect(count == 1 && strcmp(value, wanted + len + 1) == 0,
              "%s: the request has %u fields %s, the first is \"%s\", wanted \"%s\"", row, count,
              name, value != NULL ? value : "(none)", wanted + len + 1);
    free(name);
    free(value);
}

/* The request of a row: SMS bear its id or foreign_id, voice calls are known by their text. */
static const struct bh_tap_request *
find_request(struct bh_rig *rig, const struct daemon_row *row, const char *id)
{
    for (size_t i = 0; i < ROW_LIST_MAX && row->form[i] != NULL; i++) {
        size_t len = name_length(row->form[i]);
        if (strncmp(row->form[i], "foreign_id=", 11) == 0 || strncmp(row->form[i], "text=", 5) == 0)
            return bh_tap_find(rig->tap, bh_rig_text(rig, "%.*s", (int)len, row->form[i]),
                               row->form[i] + len + 1, 0);
    }
    return bh_tap_find(rig->tap, "foreign_id", id, 0);
}

static void
check_request(struct bh_rig *rig, const struct daemon_row *row, const char *id)
{
    const struct bh_tap_request *request = find_request(rig, row, id);
    if (row->form[0] == NULL) {
        cr_expect_null(request, "%s: a request was made", row->name);
        return;
    }
    cr_expect_not_null(request, "%s: no request was made", row->name);
    for (size_t i = 0; request != NULL && i < ROW_LIST_MAX && row->form[i] != NULL; i++)
        check_form(request, row->name, row->form[i]);
}

/* Voice calls bear no foreign_id; they are found by their text, which is plain in those rows. */
static const char *
find_message(struct bh_rig *rig, const struct daemon_row *row, const char *id)
{
    const char *foreign_id = id;
    for (size_t i = 0; i < ROW_LIST_MAX && row->form[i] != NULL; i++)
        if (strncmp(row->form[i], "foreign_id=", 11) == 0)
            foreign_id = row->form[i] + 11;
    const char *message = bh_rig_message(rig, foreign_id);
    for (size_t i = 0; message[0] == '\0' && i < ROW_LIST_MAX && row->accepted[i] != NULL; i++)
        if (strncmp(row->accepted[i], "\"text\":\"", 8) == 0)
            message = strstr(bh_rig_ask(rig, "messages?kind=voice"), row->accepted[i]) != NULL
                          ? bh_rig_ask(rig, "messages?kind=voice")
                          : "";
    return message;
}

static void
check_accepted(struct bh_rig *rig, const struct daemon_row *row, const char *id)
{
    const char *message = find_message(rig, row, id);
    if (row->accepted[0] == NULL)
        cr_expect_str_empty(message, "%s: accepted: %s", row->name, message);
    for (size_t i = 0; i < ROW_LIST_MAX && row->accepted[i] != NULL; i++)
        cr_expect(strstr(message, row->accepted[i]) != NULL, "%s: no %s in the accepted %s",
                  row->name, row->accepted[i], message);
}

static const char *
row_id(struct bh_rig *rig, const char *prefix, size_t index)
{
    return bh_rig_text(rig, "%s-%zu", prefix, index);
}

void
daemon_rows_run(struct bh_rig *rig, const char *queue, const char *prefix,
                const struct daemon_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bh_rig_push(rig, queue,
                    bh_rig_text(rig, "{\"id\":\"%s\",%s}", row_id(rig, prefix, i), rows[i].job));
    for (size_t i = 0; i < count; i++) {
        const struct daemon_row *row = &rows[i];
        const char *id = row_id(rig, prefix, i);
        bh_rig_begin_waiting(rig, BH_RIG_WAIT_MS);
        while (!bh_rig_is(rig, queue, id, "state", row->state) && bh_rig_may_wait(rig))
            continue;
        cr_expect(bh_rig_is(rig, queue, id, "state", row->state),
                  "%s: the state is \"%s\" (%s), wanted %s", row->name,
                  bh_rig_field(rig, queue, id, "state"), bh_rig_field(rig, queue, id, "error"),
                  row->state);
        check_request(rig, row, id);
        check_accepted(rig, row, id);
        for (size_t k = 0; k < ROW_LIST_MAX && row->status[k] != NULL; k++)
            daemon_check_status(rig, queue, id, row->name, row->status[k]);
    }
}
