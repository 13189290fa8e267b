#include <string.h>

#include "core/alloc.h"
#include "core/ascii.h"
#include "core/config_own.h"
#include "core/duration.h"
#include "core/fault.h"
#include "core/http_url.h"
#include "core/money.h"
#include "core/redis_url.h"
#include "core/scan.h"
#include "core/schedule.h"

#define VALUE_MAX 4000

static enum bh_status
refuse(struct bh_error *error, const char *rule, struct bh_str text)
{
    if (text.len == 0)
        return bh_error_set(error, "", "the value is empty; it must be %s.", rule);
    return bh_error_set(error, "", "\"%s\" is not %s.", bh_quote(text).text, rule);
}

static bool
is_word_char(char c)
{
    return bh_is_alnum(c) || (c != '\0' && strchr("._:@-", c) != NULL);
}

static enum bh_status
read_length(const struct bh_config_row *row, struct bh_str text, struct bh_error *error)
{
    if ((int64_t)text.len < row->min && text.len == 0)
        return bh_error_set(error, "", "the value is empty; this key needs one.");
    if ((int64_t)text.len < row->min || (int64_t)text.len > row->max)
        return bh_error_set(error, "", "the value has %zu bytes; it must have %lld to %lld.",
                            text.len, (long long)row->min, (long long)row->max);
    return BH_OK;
}

static enum bh_status
read_word(const struct bh_config_row *row, struct bh_str text, struct bh_error *error)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_word_char(text.ptr[i]))
            return refuse(error, "a word of letters, digits and . _ : @ -", text);
    }
    return read_length(row, text, error);
}

static enum bh_status
read_digits(const struct bh_config_row *row, struct bh_str text, struct bh_error *error)
{
    bool digits = text.len > 0 && text.ptr[0] != '0';
    for (size_t i = 0; i < text.len; i++)
        digits = digits && bh_is_digit(text.ptr[i]);
    if (!digits || (int64_t)text.len < row->min || (int64_t)text.len > row->max)
        return bh_error_set(error, "",
                            "\"%s\" is not a number of %lld to %lld digits without 0 in front.",
                            bh_quote(text).text, (long long)row->min, (long long)row->max);
    return BH_OK;
}

/* A secret is never quoted.  The mask itself comes from the output of --print-config. */
static enum bh_status
read_secret(const struct bh_config_row *row, struct bh_str text, struct bh_error *error)
{
    if (bh_str_equal_text(text, BH_CONFIG_MASK))
        return bh_error_set(error, "",
                            "the value is the mask that stands for a secret in print, "
                            "not a secret.");
    return read_length(row, text, error);
}

static enum bh_status
read_path(const struct bh_config_row *row, struct bh_str text, struct bh_error *error)
{
    if ((row->flags & BH_CONFIG_OFF) != 0 && bh_str_equal_text(text, "off"))
        return BH_OK;
    if (text.len > 0 && text.ptr[0] != '/')
        return refuse(error, "an absolute path; it must begin with a slash", text);
    return read_length(row, text, error);
}

static enum bh_status
check_range(const struct bh_config_row *row, struct bh_str text, int64_t number,
            struct bh_error *error)
{
    if (number >= row->min && number <= row->max)
        return BH_OK;
    return bh_error_set(error, "", "\"%s\" is out of range; it must be %s.", bh_quote(text).text,
                        bh_config_row_range(row).text);
}

static enum bh_status
read_integer(const struct bh_config_row *row, struct bh_str text, int64_t *ret_number,
             struct bh_error *error)
{
    int64_t number;
    if (!bh_str_to_int64(text, &number))
        return refuse(error, "a whole number", text);
    *ret_number = number;
    return check_range(row, text, number, error);
}

static enum bh_status
read_bool(struct bh_str text, int64_t *ret_number, struct bh_error *error)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < BH_ARRAY_LEN(yes); i++) {
        if (bh_str_equal_nocase(text, bh_str_from(yes[i])) ||
            bh_str_equal_nocase(text, bh_str_from(no[i]))) {
            *ret_number = bh_str_equal_nocase(text, bh_str_from(yes[i]));
            return BH_OK;
        }
    }
    return refuse(error, "yes or no", text);
}

/* Zero needs no unit where it means none. */
static enum bh_unit_flags
zero_flags(const struct bh_config_row *row)
{
    return row->min == 0 ? BH_UNIT_ZERO_MAY_BE_BARE : BH_UNIT_REQUIRED;
}

static enum bh_status
read_duration(const struct bh_config_row *row, struct bh_str text, int64_t *ret_number,
              struct bh_error *error)
{
    if ((row->flags & BH_CONFIG_OFF) != 0 && bh_str_equal_nocase(text, BH_STR_LITERAL("off"))) {
        *ret_number = 0;
        return BH_OK;
    }
    bh_ms duration;
    enum bh_status status = bh_duration_parse(text, zero_flags(row), &duration, error);
    if (status != BH_OK)
        return status;
    *ret_number = duration;
    return check_range(row, text, duration, error);
}

static enum bh_status
read_size(const struct bh_config_row *row, struct bh_str text, int64_t *ret_number,
          struct bh_error *error)
{
    uint64_t bytes;
    enum bh_status status = bh_size_parse(text, zero_flags(row), &bytes, error);
    if (status != BH_OK)
        return status;
    *ret_number = bytes <= INT64_MAX ? (int64_t)bytes : INT64_MAX;
    return check_range(row, text, *ret_number, error);
}

/* Digits, and at most six more behind a point: what people write, without signs and exponents. */
static bool
is_plain_amount(struct bh_str text)
{
    struct bh_str rest = text;
    uint64_t number;
    if (bh_scan_digits(&rest, 20, &number) == 0)
        return false;
    if (bh_scan_char(&rest, '.') && bh_scan_digits(&rest, 6, &number) == 0)
        return false;
    return rest.len == 0;
}

static enum bh_status
read_money(const struct bh_config_row *row, struct bh_str text, int64_t *ret_number,
           struct bh_error *error)
{
    int64_t micro;
    if (!is_plain_amount(text) || !bh_money_parse(text, &micro))
        return refuse(error, "an amount like 12.50", text);
    *ret_number = micro;
    return check_range(row, text, micro, error);
}

static enum bh_status
read_choice(const struct bh_config_row *row, struct bh_str text, int64_t *ret_number,
            struct bh_error *error)
{
    for (const struct bh_config_choice *choice = row->choices; choice->word != NULL; choice++) {
        if (bh_str_equal_text(text, choice->word)) {
            *ret_number = choice->value;
            return BH_OK;
        }
    }
    if (text.len == 0)
        return bh_error_set(error, "", "the value is empty; it must be %s.",
                            bh_config_row_range(row).text);
    return bh_error_set(error, "", "\"%s\" is not one of the words; it must be %s.",
                        bh_quote(text).text, bh_config_row_range(row).text);
}

static enum bh_status
read_redis_url(struct bh_str text, struct bh_error *error)
{
    struct bh_redis_url url = {0};
    enum bh_status status = bh_redis_url_parse(text, &url, error);
    if (status != BH_OK)
        return status;
    if (url.kind == BH_REDIS_SENTINEL || url.kind == BH_REDIS_CLUSTER)
        status = bh_error_set(error, "",
                              "this version speaks to one Redis server only, not to sentinels or a "
                              "cluster; give redis://, rediss:// or unix://.");
    bh_redis_url_release(&url);
    return status;
}

/* URLs are not quoted: their paths and logins may be secrets. */
static enum bh_status
read_http_url(const struct bh_config_row *row, struct bh_str text, struct bh_error *error)
{
    if (text.len == 0)
        return read_length(row, text, error);
    const char *problem = bh_http_url_problem(text);
    if (problem != NULL)
        return bh_error_set(error, "", "the URL %s", problem);
    /* To others of these URLs something is appended, or they are compared. */
    if ((row->flags & BH_CONFIG_QUERY) == 0 && memchr(text.ptr, '?', text.len) != NULL)
        return bh_error_set(error, "", "the URL must end with its path, without `?`");
    return read_length(row, text, error);
}

static bool
scheme_is(const struct bh_config_url *url, const char *scheme)
{
    return bh_str_equal_nocase(url->scheme, bh_str_from(scheme));
}

static enum bh_status
read_proxy_url(const struct bh_config_row *row, struct bh_str text, struct bh_error *error)
{
    struct bh_config_url url;
    if (text.len == 0)
        return BH_OK;
    if (!bh_config_url_split(text, &url) ||
        (!scheme_is(&url, "http") && !scheme_is(&url, "https") && !scheme_is(&url, "socks5") &&
         !scheme_is(&url, "socks5h")))
        return bh_error_set(
            error, "",
            "the value is not a proxy's URL like http://HOST:PORT or socks5h://HOST:PORT.");
    if (url.rest.len > 1 || (url.rest.len == 1 && url.rest.ptr[0] != '/'))
        return bh_error_set(error, "", "a proxy's URL ends with its port.");
    return read_length(row, text, error);
}

static enum bh_status
read_listen(struct bh_str text, struct bh_config_slot *fresh, struct bh_error *error)
{
    struct bh_str host = {"", 0};
    uint16_t port = 0;
    if (text.len > 0 && !bh_config_host_port_split(text, &host, &port))
        return refuse(error, "an address and port like 127.0.0.1:9177, [::1]:9177 or 0.0.0.0:9177",
                      text);
    fresh->host = bh_strndup(host.ptr, host.len);
    fresh->number = port;
    return fresh->host != NULL ? BH_OK : BH_ENOMEM;
}

static enum bh_status
read_schedule(struct bh_str text, struct bh_config_slot *fresh, struct bh_error *error)
{
    struct bh_schedule schedule;
    enum bh_status status = bh_schedule_parse(text, &schedule, error);
    if (status != BH_OK)
        return status;
    fresh->schedule = bh_alloc(sizeof(schedule));
    if (fresh->schedule == NULL)
        return BH_ENOMEM;
    *fresh->schedule = schedule;
    return BH_OK;
}

static enum bh_status
read_typed(const struct bh_config_row *row, struct bh_str text, struct bh_config_slot *fresh,
           struct bh_error *error)
{
    switch (row->type) {
    case BH_CONFIG_STRING: return read_length(row, text, error);
    case BH_CONFIG_WORD: return read_word(row, text, error);
    case BH_CONFIG_DIGITS: return read_digits(row, text, error);
    case BH_CONFIG_SECRET: return read_secret(row, text, error);
    case BH_CONFIG_PATH: return read_path(row, text, error);
    case BH_CONFIG_INT: return read_integer(row, text, &fresh->number, error);
    case BH_CONFIG_LONG: return read_integer(row, text, &fresh->number, error);
    case BH_CONFIG_BOOL: return read_bool(text, &fresh->number, error);
    case BH_CONFIG_DURATION: return read_duration(row, text, &fresh->number, error);
    case BH_CONFIG_SIZE: return read_size(row, text, &fresh->number, error);
    case BH_CONFIG_MONEY: return read_money(row, text, &fresh->number, error);
    case BH_CONFIG_ENUM: return read_choice(row, text, &fresh->number, error);
    case BH_CONFIG_SCHEDULE: return read_schedule(text, fresh, error);
    case BH_CONFIG_REDIS_URL: return read_redis_url(text, error);
    case BH_CONFIG_HTTP_URL: return read_http_url(row, text, error);
    case BH_CONFIG_PROXY_URL: return read_proxy_url(row, text, error);
    case BH_CONFIG_LISTEN: return read_listen(text, fresh, error);
    case BH_CONFIG_ZONE:
        return bh_config_zone_name_is_safe(text)
                   ? BH_OK
                   : refuse(error, "a name of the zone database", text);
    }
    BH_ASSERT(false); /* the switch names every type */
    return BH_EINVAL;
}

/* At the end of a path they say nothing; at the end of a query they belong to a value. */
static struct bh_str
without_slashes(struct bh_str url)
{
    if (url.len > 0 && memchr(url.ptr, '?', url.len) != NULL)
        return url;
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    return url;
}

enum bh_status
bh_config_slot_read(const struct bh_config_row *row, struct bh_str text,
                    struct bh_config_slot *slot, struct bh_error *error)
{
    struct bh_config_slot fresh = {0};
    /* The environment knows no long lines, but what is printed must fit into a line of a file. */
    if (text.len > VALUE_MAX && row->type != BH_CONFIG_SECRET)
        return bh_error_set(error, "", "the value has %zu bytes; it may have %d", text.len,
                            VALUE_MAX);
    enum bh_status status = read_typed(row, text, &fresh, error);
    if (status == BH_OK) {
        if (row->type == BH_CONFIG_HTTP_URL)
            text = without_slashes(text);
        fresh.text = bh_strndup(text.len > 0 ? text.ptr : "", text.len);
        fresh.len = text.len;
        if (fresh.text == NULL)
            status = BH_ENOMEM;
    }
    if (status != BH_OK) {
        bh_config_slot_release(&fresh);
        return status;
    }
    bh_config_slot_take_value(slot, &fresh);
    return BH_OK;
}
