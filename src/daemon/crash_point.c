#include "daemon/crash_point.h"

#ifdef BH_CRASH_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOT_ARMED (-1LL)

/* What the list says behind NAME and the separator; false when NAME is not in it. */
static bool
find(const char *name, char separator, struct bh_str *ret_value)
{
    const char *wanted = getenv("BELLHOP_CRASH_POINT");
    struct bh_str list = bh_str_from(wanted != NULL ? wanted : ""), item, point;
    while (bh_str_split(&list, ',', &item)) {
        if (separator == ':' && memchr(item.ptr, '=', item.len) != NULL)
            continue;
        bh_str_split(&item, separator, &point);
        if (bh_str_equal_text(point, name)) {
            *ret_value = item;
            return true;
        }
    }
    return false;
}

static bool
contains(struct bh_str text, struct bh_str part)
{
    for (size_t at = 0; part.len > 0 && at + part.len <= text.len; at++) {
        if (memcmp(text.ptr + at, part.ptr, part.len) == 0)
            return true;
    }
    return false;
}

/* The number of the passing that counts; 0: none. */
static int64_t
passing(const char *name)
{
    struct bh_str value;
    int64_t at = 1;
    if (!find(name, ':', &value) || (value.ptr != NULL && !bh_str_to_int64(value, &at)))
        return 0;
    return at;
}

void
bh_crash_point(const char *name)
{
    static atomic_llong passed;
    int64_t at = passing(name);
    if (at > 0 && atomic_fetch_add(&passed, 1) + 1 == at)
        raise(SIGKILL);
}

static bool
is_about(const char *name, struct bh_str job)
{
    struct bh_str text;
    return find(name, '=', &text) && text.ptr != NULL && contains(job, text);
}

void
bh_crash_point_about(const char *name, struct bh_str job)
{
    if (is_about(name, job))
        raise(SIGKILL);
}

static atomic_llong armed_slot = NOT_ARMED;

void
bh_crash_point_arm(const char *name, struct bh_str job, uint32_t slot)
{
    if (is_about(name, job))
        atomic_store(&armed_slot, slot);
}

void
bh_crash_point_fire(uint32_t slot)
{
    if (atomic_load(&armed_slot) == (long long)slot)
        raise(SIGKILL);
}

bool
bh_crash_point_loses_claim(const struct bh_claimed_event *claimed)
{
    static atomic_bool lost;
    bool loses = false;
    for (size_t i = 0; i < claimed->jobs_count; i++)
        loses = loses || is_about("lose_claim", claimed->jobs[i].payload);
    return passing("lose_claims") > 0 || (loses && !atomic_exchange(&lost, true));
}

void
bh_crash_point_hang(struct bh_str job)
{
    const struct timespec long_time = {.tv_sec = 3600};
    while (is_about("hang", job))
        nanosleep(&long_time, NULL);
}

#else

typedef int bh_crash_points_are_off;

#endif
