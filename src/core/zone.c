#include "core/zone.h"

#include <string.h>

#include "core/alloc.h"
#include "core/civil.h"
#include "core/fault.h"
#include "core/zone_rule.h"

#define DAY_S 86400

#define HEADER_BYTES 44
#define TYPE_BYTES   6

/* Where RFC 8536 lets a table begin.  No sum with an offset can leave 64 bits then. */
#define CHANGE_MIN_S (-((int64_t)1 << 59))
#define CHANGE_MAX_S ((int64_t)1 << 59)

struct bh_zone {
    int32_t first_offset_s; /* before the first change */
    bool has_rule;          /* after the last change, and at any time if there are none */
    struct bh_zone_rule rule;
    size_t changes_len;
    struct bh_zone_change changes[]; /* strictly ascending */
};

/* One data block: its header's counts and where its parts lie. */
struct block {
    unsigned char version;
    size_t time_bytes; /* 4 or 8 per time */
    uint64_t isut_len;
    uint64_t isstd_len;
    uint64_t leaps_len;
    uint64_t times_len;
    uint64_t types_len;
    uint64_t chars_len;
    const unsigned char *times;
    const unsigned char *indices; /* one type per time */
    const unsigned char *types;
};

static uint32_t
read_u32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t
read_time(const unsigned char *bytes, size_t time_bytes)
{
    if (time_bytes == 4)
        return (int32_t)read_u32(bytes);
    return (int64_t)((uint64_t)read_u32(bytes) << 32 | read_u32(bytes + 4));
}

/*
 * Read the header at the front of *rest and cut its block off; `time_bytes` is 4 for the first and
 * 8 for the second.
 */
static bool
take_block(struct bh_str *rest, size_t time_bytes, struct block *ret_block)
{
    const unsigned char *header = (const unsigned char *)rest->ptr;
    if (rest->len < HEADER_BYTES || memcmp(header, "TZif", 4) != 0)
        return false;
    struct block block = {
        .version = header[4],
        .time_bytes = time_bytes,
        .isut_len = read_u32(header + 20),
        .isstd_len = read_u32(header + 24),
        .leaps_len = read_u32(header + 28),
        .times_len = read_u32(header + 32),
        .types_len = read_u32(header + 36),
        .chars_len = read_u32(header + 40),
        .times = header + HEADER_BYTES,
    };
    uint64_t bytes = block.times_len * (time_bytes + 1) + block.types_len * TYPE_BYTES +
                     block.chars_len + block.leaps_len * (time_bytes + 4) + block.isstd_len +
                     block.isut_len;
    if (bytes > rest->len - HEADER_BYTES)
        return false;
    block.indices = block.times + block.times_len * time_bytes;
    block.types = block.indices + block.times_len;
    rest->ptr += HEADER_BYTES + bytes;
    rest->len -= HEADER_BYTES + bytes;
    *ret_block = block;
    return true;
}

static int32_t
type_offset_s(const struct block *block, size_t index)
{
    return (int32_t)read_u32(block->types + index * TYPE_BYTES);
}

static bool
types_are_valid(const struct block *block)
{
    if (block->types_len == 0 || block->types_len > 256 || block->chars_len == 0)
        return false;
    if ((block->isstd_len != 0 && block->isstd_len != block->types_len) ||
        (block->isut_len != 0 && block->isut_len != block->types_len))
        return false;
    for (size_t i = 0; i < block->types_len; i++) {
        const unsigned char *type = block->types + i * TYPE_BYTES;
        int32_t offset_s = type_offset_s(block, i);
        if (offset_s < BH_ZONE_OFFSET_MIN_S || offset_s > BH_ZONE_OFFSET_MAX_S || type[4] > 1 ||
            type[5] >= block->chars_len)
            return false;
    }
    return true;
}

static bool
fill_changes(const struct block *block, struct bh_zone *zone)
{
    int64_t before_s = CHANGE_MIN_S - 1;
    for (size_t i = 0; i < block->times_len; i++) {
        int64_t at_s = read_time(block->times + i * block->time_bytes, block->time_bytes);
        if (at_s <= before_s || at_s > CHANGE_MAX_S || block->indices[i] >= block->types_len)
            return false;
        zone->changes[i] = (struct bh_zone_change){at_s, type_offset_s(block, block->indices[i])};
        before_s = at_s;
    }
    zone->changes_len = block->times_len;
    zone->first_offset_s = type_offset_s(block, 0);
    return true;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; nothing between the line feeds means that no rule is known. */
static bool
fill_rule(struct bh_str footer, struct bh_zone *zone)
{
    struct bh_str line;
    if (footer.len < 2 || footer.ptr[0] != '\n')
        return false;
    footer.ptr++;
    footer.len--;
    if (!bh_str_split(&footer, '\n', &line) || footer.ptr == NULL)
        return false;
    if (line.len == 0)
        return true;
    zone->has_rule = true;
    return bh_zone_rule_parse(line, &zone->rule);
}

enum bh_status
bh_zone_parse(const void *bytes, size_t len, struct bh_zone **ret_zone, struct bh_error *error)
{
    struct bh_str rest = {bytes, len};
    struct block block;
    bool has_footer = false;
    if (len > BH_ZONE_BYTES_MAX) {
        bh_error_set(error, NULL, "the time zone file has more than %zu bytes", BH_ZONE_BYTES_MAX);
        return BH_ETOOBIG;
    }
    if (!take_block(&rest, 4, &block))
        return bh_error_set(error, NULL, "this is not a TZif time zone file, or it is cut");
    if (block.version >= '2') {
        /* The first block is for readers of version 1 only; the second one says it all again. */
        has_footer = true;
        if (!take_block(&rest, 8, &block))
            return bh_error_set(error, NULL, "the time zone file is cut or damaged");
    }
    if (block.leaps_len > 0)
        return bh_error_set(
            error, NULL, "the time zone file counts leap seconds; take it from outside \"right/\"");
    if (!types_are_valid(&block))
        return bh_error_set(error, NULL, "the time zone file has damaged types");

    struct bh_zone *zone =
        bh_alloc_zero(sizeof(*zone) + (size_t)block.times_len * sizeof(zone->changes[0]));
    if (zone == NULL)
        return BH_ENOMEM;
    if (!fill_changes(&block, zone) || (has_footer && !fill_rule(rest, zone))) {
        bh_zone_free(zone);
        return bh_error_set(error, NULL, "the time zone file has a damaged table or rule");
    }
    *ret_zone = zone;
    return BH_OK;
}

void
bh_zone_free(struct bh_zone *zone)
{
    bh_free(zone);
}

/* How many changes are at or before an instant. */
static size_t
count_changes(const struct bh_zone *zone, int64_t at_s)
{
    size_t low = 0;
    size_t high = zone->changes_len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int32_t
offset_at(const struct bh_zone *zone, int64_t at_s)
{
    if (zone == NULL)
        return 0;
    size_t count = count_changes(zone, at_s);
    if (count == zone->changes_len && zone->has_rule)
        return bh_zone_rule_offset_s(&zone->rule, at_s);
    return count > 0 ? zone->changes[count - 1].offset_s : zone->first_offset_s;
}

static bool
next_change(const struct bh_zone *zone, int64_t after_s, int64_t *ret_at_s)
{
    struct bh_zone_change change;
    if (zone == NULL)
        return false;
    size_t count = count_changes(zone, after_s);
    if (count < zone->changes_len) {
        *ret_at_s = zone->changes[count].at_s;
        return true;
    }
    if (!zone->has_rule || !bh_zone_rule_next(&zone->rule, after_s, &change))
        return false;
    *ret_at_s = change.at_s;
    return true;
}

/*
 * The first instant from `from_s` on at which clocks show `local_s` (seconds since 1970 as if it
 * were UTC), or would have shown it, had they not skipped it.  At `from_s` they show no later time.
 */
static int64_t
first_instant(const struct bh_zone *zone, int64_t local_s, int64_t from_s)
{
    int32_t offset_s = offset_at(zone, from_s);
    int64_t change_s;
    while (next_change(zone, from_s, &change_s) && local_s - offset_s >= change_s) {
        int32_t after_s = offset_at(zone, change_s);
        bool skipped = local_s - after_s < change_s;
        if (skipped)
            break;
        from_s = change_s;
        offset_s = after_s;
    }
    return local_s - offset_s;
}

static struct bh_wall
wall_from_seconds(int64_t seconds)
{
    int64_t ms;
    if (__builtin_mul_overflow(seconds, (int64_t)1000, &ms))
        ms = seconds < 0 ? INT64_MIN : INT64_MAX;
    return (struct bh_wall){ms};
}

int32_t
bh_zone_offset_s(const struct bh_zone *zone, struct bh_wall at)
{
    return offset_at(zone, bh_floor_div(at.ms, 1000));
}

struct bh_datetime
bh_zone_to_local(const struct bh_zone *zone, struct bh_wall at)
{
    int64_t at_s = bh_floor_div(at.ms, 1000);
    int32_t offset_s = offset_at(zone, at_s);
    int64_t local_s = at_s + offset_s;
    int64_t days = bh_floor_div(local_s, DAY_S);
    unsigned second_of_day = (unsigned)(local_s - days * DAY_S);
    struct bh_civil date = bh_civil_from_days(days);
    return (struct bh_datetime){
        .year = (int32_t)date.year,
        .month = date.month,
        .day = date.day,
        .hour = second_of_day / 3600,
        .minute = second_of_day / 60 % 60,
        .second = second_of_day % 60,
        .millisecond = (unsigned)((at.ms % 1000 + 1000) % 1000),
        .offset_s = offset_s,
    };
}

bool
bh_zone_from_local(const struct bh_zone *zone, const struct bh_datetime *local,
                   struct bh_wall *ret_at)
{
    struct bh_civil date = {local->year, local->month, local->day};
    if (local->year < 1 || local->year > 9999 || !bh_civil_is_valid(date) || local->hour > 23 ||
        local->minute > 59 || local->second > 59 || local->millisecond > 999)
        return false;

    int64_t local_s = bh_civil_to_days(date) * DAY_S + (int64_t)local->hour * 3600 +
                      (int64_t)local->minute * 60 + local->second;
    int64_t at_s = first_instant(zone, local_s, local_s - BH_ZONE_OFFSET_MAX_S);
    *ret_at = (struct bh_wall){at_s * 1000 + local->millisecond};
    return true;
}

struct bh_wall
bh_zone_next_midnight(const struct bh_zone *zone, struct bh_wall at)
{
    int64_t at_s = bh_floor_div(at.ms, 1000);
    int64_t local_s = at_s + offset_at(zone, at_s);
    int64_t midnight_s = (bh_floor_div(local_s, DAY_S) + 1) * DAY_S;
    return wall_from_seconds(first_instant(zone, midnight_s, at_s));
}
