#include "core/duration.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/fault.h"
#include "core/scan.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* From the largest to the smallest; the last one has the factor 1. */
static const struct unit time_units[] = {
    {"d",  (uint64_t)BH_DAY_MS   },
    {"h",  (uint64_t)BH_HOUR_MS  },
    {"m",  (uint64_t)BH_MINUTE_MS},
    {"s",  (uint64_t)BH_SECOND_MS},
    {"ms", 1                     },
};

static const struct unit size_units[] = {
    {"GiB", (uint64_t)1 << 30},
    {"MiB", (uint64_t)1 << 20},
    {"KiB", (uint64_t)1 << 10},
    {"B",   1                },
};

/* A number with one of `units`; what it means in the smallest of them. */
struct quantity {
    const char *kind; /* for the sentence: "duration" */
    const char *examples;
    const struct unit *units;
    size_t units_len;
    uint64_t max; /* below UINT64_MAX, to which a number too long saturates */
};

static const struct quantity durations = {
    "duration", "500ms, 30s, 5m, 2h or 7d", time_units, BH_ARRAY_LEN(time_units), INT64_MAX,
};

static const struct quantity sizes = {
    "size", "512B, 64KiB, 8MiB or 1GiB", size_units, BH_ARRAY_LEN(size_units), INT64_MAX,
};

static const struct unit *
find_unit(const struct quantity *quantity, struct bh_str name)
{
    for (size_t i = 0; i < quantity->units_len; i++) {
        if (bh_str_equal_text(name, quantity->units[i].name))
            return &quantity->units[i];
    }
    return NULL;
}

static enum bh_status
parse(const struct quantity *quantity, struct bh_str text, enum bh_unit_flags flags,
      uint64_t *ret_value, struct bh_error *error)
{
    struct bh_quoted shown = bh_quote(text);
    struct bh_str rest = text;
    uint64_t number;
    if (bh_scan_digits(&rest, SIZE_MAX, &number) == 0)
        return bh_error_set(error, NULL, "\"%s\" is not a %s; write for example %s", shown.text,
                            quantity->kind, quantity->examples);
    if (rest.len == 0) {
        if (number == 0 && text.len == 1 && flags == BH_UNIT_ZERO_MAY_BE_BARE) {
            *ret_value = 0;
            return BH_OK;
        }
        return bh_error_set(error, NULL, "\"%s\" has no unit; write for example %s", shown.text,
                            quantity->examples);
    }

    const struct unit *unit = find_unit(quantity, rest);
    if (unit == NULL)
        return bh_error_set(error, NULL, "\"%s\" has an unknown unit; write for example %s",
                            shown.text, quantity->examples);
    uint64_t value;
    if (__builtin_mul_overflow(number, unit->factor, &value) || value > quantity->max)
        return bh_error_set(error, NULL, "\"%s\" is too large", shown.text);
    *ret_value = value;
    return BH_OK;
}

enum bh_status
bh_duration_parse(struct bh_str text, enum bh_unit_flags flags, bh_ms *ret_duration,
                  struct bh_error *error)
{
    uint64_t value;
    enum bh_status status = parse(&durations, text, flags, &value, error);
    if (status == BH_OK)
        *ret_duration = (bh_ms)value;
    return status;
}

enum bh_status
bh_size_parse(struct bh_str text, enum bh_unit_flags flags, uint64_t *ret_bytes,
              struct bh_error *error)
{
    return parse(&sizes, text, flags, ret_bytes, error);
}

static struct bh_duration_text
format(const struct unit *units, const char *unit_of_zero, const char *sign, uint64_t value)
{
    struct bh_duration_text formatted;
    if (value == 0) {
        snprintf(formatted.text, sizeof(formatted.text), "0%s", unit_of_zero);
        return formatted;
    }
    const struct unit *unit = units;
    while (value % unit->factor != 0)
        unit++;
    snprintf(formatted.text, sizeof(formatted.text), "%s%" PRIu64 "%s", sign, value / unit->factor,
             unit->name);
    return formatted;
}

struct bh_duration_text
bh_duration_format(bh_ms duration)
{
    /* Negated as unsigned, because INT64_MIN has no positive twin. */
    uint64_t magnitude = duration < 0 ? 0 - (uint64_t)duration : (uint64_t)duration;
    return format(time_units, "s", duration < 0 ? "-" : "", magnitude);
}

struct bh_duration_text
bh_size_format(uint64_t bytes)
{
    return format(size_units, "B", "", bytes);
}
