#include "core/alert.h"

#include <string.h>

#include "core/json.h"

const char *
bh_alert_kind_name(enum bh_alert_kind kind)
{
    static const char *const names[] = {
        [BH_ALERT_ACCOUNT_PAUSED] = "account_paused", [BH_ALERT_BALANCE_LOW] = "balance_low",
        [BH_ALERT_OLDEST_JOB] = "oldest_job",         [BH_ALERT_UNCERTAIN] = "uncertain",
        [BH_ALERT_DEAD_JOBS] = "dead_jobs",           [BH_ALERT_REDIS_UNSAFE] = "redis_unsafe",
        [BH_ALERT_REDIS_AWAY] = "redis_away",
    };
    return names[kind];
}

const char *
bh_alert_event_name(enum bh_alert_event event)
{
    static const char *const names[] = {
        [BH_ALERT_FIRED] = "fired",
        [BH_ALERT_REPEATED] = "repeated",
        [BH_ALERT_RESOLVED] = "resolved",
    };
    return names[event];
}

void
bh_alert_begin(struct bh_alert_board *board, struct bh_mono now, struct bh_wall wall)
{
    board->now = now;
    board->wall = wall;
    for (size_t i = 0; i < BH_ALERT_ROWS; i++)
        board->rows[i].seen = false;
}

/* The condition's row, or else a free one; NULL when there is neither. */
static struct bh_alert_row *
row_for(struct bh_alert_board *board, const struct bh_alert_condition *condition)
{
    struct bh_alert_row *vacant = NULL;
    for (size_t i = 0; i < BH_ALERT_ROWS; i++) {
        struct bh_alert_row *row = &board->rows[i];
        if (row->used && row->condition.kind == condition->kind &&
            strcmp(row->condition.subject, condition->subject) == 0)
            return row;
        if (!row->used && vacant == NULL)
            vacant = row;
    }
    return vacant;
}

void
bh_alert_show(struct bh_alert_board *board, const struct bh_alert_condition *condition)
{
    struct bh_alert_row *row = row_for(board, condition);
    bool holds = condition->sight == BH_ALERT_SIGHT_YES;
    if (row == NULL) {
        board->overflown += holds;
        return;
    }
    if (!row->used) {
        if (!holds)
            return;
        *row = (struct bh_alert_row){
            .used = true,
            .held_from = board->now,
            .since = board->wall,
        };
    }
    row->seen = true;
    if (condition->sight == BH_ALERT_SIGHT_UNKNOWN) {
        row->sight = BH_ALERT_SIGHT_UNKNOWN;
        return;
    }
    if (holds)
        row->condition = *condition;
    else if (row->sight != BH_ALERT_SIGHT_NO)
        row->away_from = board->now;
    row->sight = condition->sight;
}

static bh_ms
hold_of(const struct bh_alert_row *row)
{
    return row->condition.hold_ms > 0 ? row->condition.hold_ms : BH_ALERT_HOLD_MS;
}

/* What is due about a condition that holds. */
static bool
row_holds(const struct bh_alert_board *board, struct bh_alert_row *row, bh_ms repeat_ms,
          enum bh_alert_event *ret_event)
{
    if (!row->firing && board->now.ms - row->held_from.ms < hold_of(row))
        return false;
    if (row->firing && board->now.ms - row->told_at.ms < repeat_ms)
        return false;
    *ret_event = row->firing ? BH_ALERT_REPEATED : BH_ALERT_FIRED;
    row->firing = true;
    row->told_at = board->now;
    row->told++;
    return true;
}

/* What never was told comes and goes unheard. */
static bool
row_is_away(const struct bh_alert_board *board, struct bh_alert_row *row,
            enum bh_alert_event *ret_event)
{
    if (row->firing && board->now.ms - row->away_from.ms < BH_ALERT_AWAY_MS)
        return false;
    bool was_told = row->firing;
    row->used = row->firing = false;
    *ret_event = BH_ALERT_RESOLVED;
    return was_told;
}

bool
bh_alert_next(struct bh_alert_board *board, bh_ms repeat_ms, struct bh_alert *ret_alert)
{
    for (size_t i = 0; i < BH_ALERT_ROWS; i++) {
        struct bh_alert_row *row = &board->rows[i];
        enum bh_alert_event event;
        if (!row->used)
            continue;
        if (!row->seen && row->sight != BH_ALERT_SIGHT_NO) {
            row->sight = BH_ALERT_SIGHT_NO;
            row->away_from = board->now;
        }
        bool due = row->sight == BH_ALERT_SIGHT_YES  ? row_holds(board, row, repeat_ms, &event)
                   : row->sight == BH_ALERT_SIGHT_NO ? row_is_away(board, row, &event)
                                                     : false;
        if (!due)
            continue;
        *ret_alert = (struct bh_alert){
            .event = event,
            .condition = row->condition,
            .since = row->since,
            .lasted_ms = board->now.ms - row->held_from.ms,
            .told = row->told,
        };
        return true;
    }
    return false;
}

size_t
bh_alert_firing(const struct bh_alert_board *board)
{
    size_t count = 0;
    for (size_t i = 0; i < BH_ALERT_ROWS; i++)
        count += board->rows[i].used && board->rows[i].firing;
    return count;
}

enum bh_status
bh_alert_write_json(const struct bh_alert *alert, const char *instance, struct bh_wall at,
                    struct bh_buf *buf)
{
    const struct bh_alert_condition *condition = &alert->condition;
    const char *queue = condition->subject[0] != '\0' ? condition->subject : NULL;
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "event", bh_alert_event_name(alert->event));
    bh_json_put_text(&writer, "alert", bh_alert_kind_name(condition->kind));
    bh_json_put_text(&writer, "queue", queue);
    bh_json_put_text(&writer, "text", condition->text);
    bh_json_put_int(&writer, "value", condition->value);
    bh_json_put_int(&writer, "limit", condition->limit);
    bh_json_put_int(&writer, "since", alert->since.ms);
    bh_json_put_int(&writer, "at", at.ms);
    bh_json_put_int(&writer, "lasted_ms", alert->lasted_ms);
    bh_json_put_int(&writer, "told", (int64_t)alert->told);
    bh_json_put_text(&writer, "instance", instance);
    bh_json_close_object(&writer);
    return bh_buf_status(buf);
}
