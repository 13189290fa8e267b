#include "sim/reports.h"

#include <string.h>

/* Seconds until DELIVERED at the tenths of the recorded distribution. */
static const double delivered_after_s[] = {1.1, 2.4, 3.2, 3.9, 4.6, 5.2, 6.0, 6.9, 8.0, 9.8, 50.6};

static double
delivery_seconds(uint64_t *dice)
{
    double at = bh_sim_dice_unit(dice) * 10;
    size_t tenth = (size_t)at;
    double low = delivered_after_s[tenth], high = delivered_after_s[tenth + 1];
    double part = at - (double)tenth;
    /* In the last tenth long waits are rare: bend the line. */
    if (tenth == 9)
        part = part * part * part * part;
    return low + (high - low) * part;
}

static void
add_step(struct bh_sim_message *message, enum bh_sim_status status, int64_t after_ms)
{
    if (message->steps_count == BH_SIM_STEPS_MAX)
        return;
    message->steps[message->steps_count++] =
        (struct bh_sim_step){.at_ms = message->send_ms + after_ms, .status = status};
}

static int64_t
scaled_ms(const struct bh_sim_world *world, double seconds)
{
    return (int64_t)(seconds * 1000.0 / world->config.speed);
}

static void
plan_sms(struct bh_sim_world *world, struct bh_sim_message *message, int64_t ttl_ms)
{
    uint64_t *dice = &world->dice;
    double fate = bh_sim_dice_unit(dice) * 68;
    double ttl_s = (double)ttl_ms / 1000.0;
    double first_s = 0.2 + 0.7 * bh_sim_dice_unit(dice);
    double end_s = fate < 63   ? delivery_seconds(dice)
                   : fate < 66 ? first_s + 8 * bh_sim_dice_unit(dice)
                               : ttl_s + 5 * bh_sim_dice_unit(dice);
    enum bh_sim_status end = fate < 63   ? BH_SIM_STATUS_DELIVERED
                             : fate < 66 ? BH_SIM_STATUS_NOTDELIVERED
                                         : BH_SIM_STATUS_EXPIRED;
    add_step(message,
             bh_sim_dice_unit(dice) < 0.5 ? BH_SIM_STATUS_ACCEPTED : BH_SIM_STATUS_TRANSMITTED,
             scaled_ms(world, first_s));
    add_step(message, end, scaled_ms(world, end_s));
}

static void
plan_voice(struct bh_sim_world *world, struct bh_sim_message *message)
{
    uint64_t *dice = &world->dice;
    double ringing_s = 1 + 2 * bh_sim_dice_unit(dice);
    double answered_s = ringing_s + 2 + 8 * bh_sim_dice_unit(dice);
    double fate = bh_sim_dice_unit(dice);
    add_step(message, BH_SIM_STATUS_INITIATED, 0);
    if (fate > 0.95) {
        add_step(message, BH_SIM_STATUS_CALL_FAILED, scaled_ms(world, ringing_s));
        return;
    }
    add_step(message, BH_SIM_STATUS_RINGING, scaled_ms(world, ringing_s));
    if (fate > 0.85) {
        add_step(message, BH_SIM_STATUS_NO_ANSWER,
                 scaled_ms(world, ringing_s + (double)message->ring_s));
        return;
    }
    /* About fifteen characters are spoken in a second. */
    message->duration_s = 3 + (int64_t)(message->text.len / 15);
    add_step(message, BH_SIM_STATUS_IN_PROGRESS, scaled_ms(world, answered_s));
    add_step(message, BH_SIM_STATUS_COMPLETED,
             scaled_ms(world, answered_s + (double)message->duration_s));
}

static enum bh_sim_status
find_status(struct bh_sim_str word, enum bh_sim_kind kind)
{
    int first = kind == BH_SIM_KIND_VOICE ? BH_SIM_STATUS_INITIATED : BH_SIM_STATUS_DELIVERED;
    int behind = kind == BH_SIM_KIND_VOICE ? BH_SIM_STATUS_COUNT : BH_SIM_STATUS_INITIATED;
    for (int at = first; at < behind; at++)
        if (bh_sim_str_is(word, BH_SIM_STATUS_NAMES[at]))
            return (enum bh_sim_status)at;
    return BH_SIM_STATUS_NONE;
}

/* Read steps into `message`; false at the first that is none.  `message` may be a dummy, for checking. */
static bool
read_steps(const struct bh_sim_world *world, struct bh_sim_str plan, struct bh_sim_message *message)
{
    struct bh_sim_str rest = plan, step, name;
    double answered_s = 0;
    while (bh_sim_str_split(&rest, ',', &step)) {
        struct bh_sim_str time = bh_sim_str_trim(step);
        bh_sim_str_split(&time, '@', &name);
        enum bh_sim_status status = find_status(name, message->kind);
        bh_sim_money seconds = 0;
        if (status == BH_SIM_STATUS_NONE ||
            (time.ptr != NULL && !bh_sim_money_parse(time, &seconds)) || seconds < 0)
            return false;
        double after_s = (double)seconds / 1e6;
        if (status == BH_SIM_STATUS_IN_PROGRESS)
            answered_s = after_s;
        else if (status == BH_SIM_STATUS_COMPLETED && after_s > answered_s)
            message->duration_s = (int64_t)(after_s - answered_s + 0.5);
        add_step(message, status, world != NULL ? scaled_ms(world, after_s) : 0);
    }
    return true;
}

static bool
is_word(struct bh_sim_str plan)
{
    return bh_sim_str_is(plan, "none") || bh_sim_str_is(plan, "realistic");
}

static bool
plan_is_valid(struct bh_sim_str plan)
{
    struct bh_sim_message sms = {.kind = BH_SIM_KIND_SMS}, voice = {.kind = BH_SIM_KIND_VOICE};
    return plan.len <= BH_SIM_PLAN_TEXT_MAX &&
           (is_word(plan) || read_steps(NULL, plan, &sms) || read_steps(NULL, plan, &voice));
}

bool
bh_sim_reports_plan_for(struct bh_sim_world *world, struct bh_sim_str number,
                        struct bh_sim_str plan)
{
    if (!plan_is_valid(plan))
        return false;
    struct bh_sim_table_entry *entry = bh_sim_table_put(
        &world->plans, bh_sim_table_key(number, BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY), 0);
    if (entry == NULL)
        return false;
    bh_sim_table_replace_text(entry, bh_sim_strndup(plan.ptr, plan.len));
    return true;
}

void
bh_sim_reports_plan(struct bh_sim_world *world, struct bh_sim_message *message, int64_t ttl_ms)
{
    const char *text =
        message->kind == BH_SIM_KIND_VOICE ? world->config.voice_plan : world->config.plan;
    if (world->plans.used > 0) {
        struct bh_sim_table_entry *entry = bh_sim_table_find(
            &world->plans, bh_sim_table_key(message->to, BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY));
        if (entry != NULL)
            text = entry->text;
    }
    message->steps_count = 0;
    message->duration_s = 0;
    if (strcmp(text, "none") == 0)
        return;
    if (strcmp(text, "realistic") != 0 && read_steps(world, bh_sim_str_from(text), message))
        return;
    message->steps_count = 0;
    if (message->kind == BH_SIM_KIND_VOICE)
        plan_voice(world, message);
    else
        plan_sms(world, message, ttl_ms);
}

int64_t
bh_sim_reports_hasten(struct bh_sim_world *world, struct bh_sim_message *message)
{
    if (message->steps_count == 0 || message->send_ms > bh_sim_now_ms(world) ||
        !bh_sim_happens(world, world->config.report_early))
        return 0;
    for (size_t at = 0; at < message->steps_count; at++)
        message->steps[at].at_ms = message->send_ms;
    world->stats.early++;
    return world->config.report_early_ms;
}

int64_t
bh_sim_reports_duration_s(const struct bh_sim_message *message, int64_t now_ms)
{
    const struct bh_sim_step *step = bh_sim_message_step(message, now_ms);
    return step != NULL && step->status == BH_SIM_STATUS_COMPLETED ? message->duration_s : 0;
}
