/* One snapshot after another: what differs, and what a reload may not change. */
#include "core/alloc.h"
#include "core/config_own.h"
#include "core/fault.h"

/* Every key of every queue, and each queue as a whole. */
#define SHOWN_MAX 8192

/* ---- The difference ---- */

struct differ {
    struct bh_config_diff diff;
    size_t capacity;
};

void
bh_config_diff_release(struct bh_config_diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        bh_free(diff->changes[i].key);
        bh_free(diff->changes[i].was);
        bh_free(diff->changes[i].now);
    }
    bh_free(diff->changes);
    *diff = (struct bh_config_diff){0};
}

/* Takes ownership of the three strings, NULL meaning that memory was short for them. */
static enum bh_status
add_change(struct differ *differ, struct bh_config_change change)
{
    struct bh_config_diff *diff = &differ->diff;
    bool whole = change.key != NULL && change.was != NULL && change.now != NULL;
    if (whole && diff->count == differ->capacity) {
        size_t capacity = differ->capacity == 0 ? 16 : 2 * differ->capacity;
        struct bh_config_change *changes =
            bh_realloc_array(diff->changes, capacity, sizeof(changes[0]));
        whole = changes != NULL;
        if (whole) {
            diff->changes = changes;
            differ->capacity = capacity;
        }
    }
    if (!whole) {
        bh_free(change.key);
        bh_free(change.was);
        bh_free(change.now);
        return BH_ENOMEM;
    }
    diff->changes[diff->count++] = change;
    diff->restart_count += change.reload == BH_CONFIG_RESTART;
    return BH_OK;
}

/* The value as it may be shown, or NULL. */
static char *
show(const struct bh_config_row *row, const struct bh_config_slot *slot)
{
    struct bh_buf buf;
    bh_buf_init(&buf, SHOWN_MAX);
    (void)bh_config_slot_show(row, slot, &buf); /* a failure shows in take */
    char *text = bh_buf_status(&buf) == BH_OK ? bh_buf_take(&buf) : NULL;
    bh_buf_release(&buf);
    return text;
}

/* Where the rows of a section lie in both snapshots. */
struct pair {
    const struct bh_config *old;
    const struct bh_config *fresh;
    const struct bh_config_section *section;
    size_t old_queue;
    size_t fresh_queue;
};

static enum bh_status
diff_rows(struct differ *differ, const struct pair *pair)
{
    for (size_t r = 0; r < pair->section->rows_count; r++) {
        const struct bh_config_row *row = &pair->section->rows[r];
        const struct bh_config_slot *was =
            bh_config_slot_get(pair->old, pair->section, r, pair->old_queue);
        const struct bh_config_slot *now =
            bh_config_slot_get(pair->fresh, pair->section, r, pair->fresh_queue);
        if (bh_config_slot_equal(row, was, now))
            continue;
        struct bh_config_label label =
            bh_config_label(pair->fresh, pair->section, r, pair->fresh_queue);
        struct bh_config_change change = {bh_strdup(label.text), show(row, was), show(row, now),
                                          row->reload};
        if (add_change(differ, change) != BH_OK)
            return BH_ENOMEM;
    }
    return BH_OK;
}

static enum bh_status
diff_presence(struct differ *differ, const char *queue, const char *was, const char *now)
{
    struct bh_buf key;
    bh_buf_init(&key, SHOWN_MAX);
    bh_buf_printf(&key, "[queue %s]", queue);
    struct bh_config_change change = {bh_buf_take(&key), bh_strdup(was), bh_strdup(now),
                                      BH_CONFIG_LIVE};
    return add_change(differ, change);
}

static enum bh_status
diff_queues(struct differ *differ, struct pair *pair)
{
    for (size_t q = 0; q < pair->fresh->queues_count; q++) {
        const char *name = pair->fresh->queues[q].name;
        const struct bh_queue_config *before = bh_config_queue_get(pair->old, bh_str_from(name));
        enum bh_status status = BH_OK;
        if (before == NULL) {
            status = diff_presence(differ, name, "", "present");
        } else {
            pair->fresh_queue = q;
            pair->old_queue = (size_t)(before - pair->old->queues);
            status = diff_rows(differ, pair);
        }
        if (status != BH_OK)
            return status;
    }
    for (size_t q = 0; q < pair->old->queues_count; q++) {
        const char *name = pair->old->queues[q].name;
        if (bh_config_queue_get(pair->fresh, bh_str_from(name)) == NULL &&
            diff_presence(differ, name, "present", "") != BH_OK)
            return BH_ENOMEM;
    }
    return BH_OK;
}

enum bh_status
bh_config_diff(const struct bh_config *old, const struct bh_config *fresh,
               struct bh_config_diff *ret_diff)
{
    struct differ differ = {0};
    enum bh_status status = BH_OK;
    for (size_t s = 0; s < BH_CONFIG_SECTIONS && status == BH_OK; s++) {
        struct pair pair = {.old = old, .fresh = fresh, .section = &bh_config_sections[s]};
        status = pair.section->is_queue ? diff_queues(&differ, &pair) : diff_rows(&differ, &pair);
    }
    if (status != BH_OK) {
        bh_config_diff_release(&differ.diff);
        return status;
    }
    *ret_diff = differ.diff;
    return BH_OK;
}

/* ---- The succession ---- */

/* The old value with its origin, read anew so that `fresh` owns all of it. */
static enum bh_status
keep_old(const struct bh_config_row *row, const struct bh_config_slot *old,
         struct bh_config_slot *slot)
{
    char *origin_name = NULL;
    if (old->origin_name != NULL && (origin_name = bh_strdup(old->origin_name)) == NULL)
        return BH_ENOMEM;
    enum bh_status status =
        bh_config_slot_read(row, (struct bh_str){old->text, old->len}, slot, NULL);
    if (status != BH_OK) {
        bh_free(origin_name);
        return status;
    }
    bh_free(slot->origin_name);
    slot->origin_name = origin_name;
    slot->origin = old->origin;
    slot->line = old->line;
    slot->column = old->column;
    return BH_OK;
}

static enum bh_status
keep_restart_values(struct bh_config *fresh, const struct bh_config *old)
{
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        for (size_t r = 0; r < section->rows_count && !section->is_queue; r++) {
            const struct bh_config_row *row = &section->rows[r];
            struct bh_config_slot *slot = bh_config_slot_get(fresh, section, r, 0);
            const struct bh_config_slot *before = bh_config_slot_get(old, section, r, 0);
            if (row->reload != BH_CONFIG_RESTART || bh_config_slot_equal(row, slot, before))
                continue;
            enum bh_status status = keep_old(row, before, slot);
            BH_ASSERT(status != BH_EINVAL);
            if (status != BH_OK)
                return status;
        }
    }
    return BH_OK;
}

/* The same warnings have been given when `fresh` was read, so only errors are passed on. */
static enum bh_status
check_again(const struct bh_config *fresh, struct bh_config_report *report)
{
    struct bh_config_report again = {0};
    bh_config_check(fresh, &again);
    for (size_t i = 0; i < again.count; i++) {
        if (again.messages[i].severity == BH_CONFIG_ERROR)
            bh_config_report_add(report, BH_CONFIG_ERROR, again.messages[i].where,
                                 "%s (Some of these values change only with a restart.)",
                                 again.messages[i].text);
    }
    enum bh_status status = again.failed;
    if (status == BH_OK && again.errors > 0)
        status = BH_EINVAL;
    bh_config_report_release(&again);
    return status;
}

enum bh_status
bh_config_succeed(struct bh_config *fresh, const struct bh_config *old,
                  struct bh_config_report *report)
{
    BH_ASSERT(atomic_load_explicit(&fresh->own->refs, memory_order_relaxed) == 1);
    enum bh_status status = keep_restart_values(fresh, old);
    if (status != BH_OK)
        return status;
    bh_config_apply(fresh);
    status = check_again(fresh, report);
    if (status != BH_OK)
        return status;

    struct bh_error error;
    status = bh_config_number_queues(fresh, old, &error);
    if (status == BH_ETOOBIG) {
        bh_config_report_add(report, BH_CONFIG_ERROR, fresh->own->file_name, "%s", error.text);
        return BH_EINVAL;
    }
    return status;
}
