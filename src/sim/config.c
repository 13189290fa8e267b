#include "sim/config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX  100000u
#define KEYS_MAX   10000u
#define ALL_RIGHTS ((1u << BH_SIM_RIGHT_COUNT) - 1)

const char *const BH_SIM_RIGHT_NAMES[BH_SIM_RIGHT_COUNT] = {
    "sms",      "voice",  "balance",
    "hooks",    "status", "journal",
    "pricing",  "lookup", "validate_for_voice",
    "contacts", "groups", "analytics",
};

enum kind { INTEGER, FLAG, CHOICE, AMOUNT, SHARE, TEXT, FACTOR };

/* One row per setting; everything about it stands here. */
struct setting {
    const char *section;
    const char *key;
    enum kind kind;
    size_t offset;
    const char *initial;
    int64_t min, max;    /* of INTEGER */
    const char *choices; /* of CHOICE, separated by blanks, in the order of the enum */
};

#define AT(member) offsetof(struct bh_sim_config, member)
#define MANY       100000000

static const struct setting settings[] = {
    {"gateway", "era",                     INTEGER, AT(era),                     "2022",             2021, 2026,      NULL                      },
    {"gateway", "json_refusal",            CHOICE,  AT(json_refusal),            "bare",             0,    0,         "bare quoted object"      },
    {"gateway", "voice_failure",           CHOICE,  AT(voice_failure),           "bare",             0,    0,         "bare lines"              },
    {"gateway", "partial_code",            INTEGER, AT(partial_code),            "101",              100,  101,       NULL                      },
    {"gateway", "all_failed",              CHOICE,  AT(all_failed),              "code",             0,    0,         "code 100 101"            },
    {"gateway", "labels",                  CHOICE,  AT(labels),                  "german",           0,    0,         "german english"          },
    {"gateway", "limit_parameters",        FLAG,    AT(limit_parameters),        "no",               0,    0,         NULL                      },
    {"gateway", "sender",                  TEXT,    AT(sender),                  "SMS",              0,    0,         NULL                      },
    {"gateway", "caller",                  TEXT,    AT(caller),                  "491771783130",     0,    0,         NULL                      },
    {"gateway", "dice",                    INTEGER, AT(dice),                    "77",               0,    INT64_MAX, NULL                      },
    {"gateway", "answer_delay_ms",         INTEGER, AT(answer_delay_ms),         "0",                0,    3600000,   NULL                      },
    {"gateway", "journal_max",             INTEGER, AT(journal_max),             "10000",            1,    MANY,      NULL                      },
    {"gateway", "counters_max",            INTEGER, AT(counters_max),            "5000000",          1,    MANY,      NULL                      },
    {"gateway", "locks_max",               INTEGER, AT(locks_max),               "5000000",          1,    MANY,      NULL                      },
    {"gateway", "events_max",              INTEGER, AT(events_max),              "1000000",          1,    MANY,      NULL                      },
    {"http",    "framing",                 CHOICE,  AT(framing),                 "chunked",          0,    0,         "chunked length close"    },
    {"http",    "idle_ms",                 INTEGER, AT(idle_ms),                 "3000",             1,    86400000,  NULL                      },
    {"http",    "request_ms",              INTEGER, AT(request_ms),              "60000",            1,    86400000,  NULL                      },
    {"http",    "requests_per_connection", INTEGER, AT(requests_per_connection), "500",              1,    MANY,      NULL                      },
    {"http",    "connections_per_second",  INTEGER, AT(connections_per_second),  "0",                0,    MANY,      NULL                      },
    {"http",    "over_limit",              CHOICE,  AT(over_limit),              "503",              0,    0,         "429 503 refuse"          },
    {"http",    "connections_max",         INTEGER, AT(connections_max),         "10000",            1,    1000000,   NULL                      },
    {"http",    "upgrade_header",          FLAG,    AT(upgrade_header),          "no",               0,    0,         NULL                      },
    {"account", "balance",                 AMOUNT,  AT(balance),                 "1000000.5",        0,    0,         NULL                      },
    {"account", "login",                   TEXT,    AT(login),                   "sim-login",        0,    0,         NULL                      },
    {"account", "password",                TEXT,    AT(password),                "sim-password",     0,    0,         NULL                      },
    {"account", "bearer",                  TEXT,    AT(bearer),                  "sim-bearer-token", 0,    0,         NULL                      },
    {"account", "allow",                   TEXT,    AT(allow),                   "",                 0,    0,         NULL                      },
    {"account", "signing_key",             TEXT,    AT(signing_key),             "sim-signing-key",  0,    0,         NULL                      },
    {"account", "signing",                 CHOICE,  AT(signing),                 "optional",         0,    0,         "off optional required"   },
    {"account", "public_url",              TEXT,    AT(public_url),              "",                 0,    0,         NULL                      },
    {"account", "daily_limit",             INTEGER, AT(daily_limit),             "0",                0,    MANY,      NULL                      },
    {"lock",    "enabled",                 FLAG,    AT(lock_enabled),            "yes",              0,    0,         NULL                      },
    {"lock",    "seconds",                 INTEGER, AT(lock_seconds),            "180",              0,    86400,     NULL                      },
    {"journal", "retention",               FLAG,    AT(journal_retention),       "yes",              0,    0,         NULL                      },
    {"journal", "lag_ms",                  INTEGER, AT(journal_lag_ms),          "0",                0,    86400000,  NULL                      },
    {"prices",  "sms",                     AMOUNT,  AT(price_sms),               "0.075",            0,    0,         NULL                      },
    {"prices",  "voice",                   AMOUNT,  AT(price_voice),             "0.1",              0,    0,         NULL                      },
    {"prices",  "voice_minute",            AMOUNT,  AT(price_voice_minute),      "0.045",            0,    0,         NULL                      },
    {"prices",  "hlr",                     AMOUNT,  AT(price_hlr),               "0.01",             0,    0,         NULL                      },
    {"prices",  "mnp",                     AMOUNT,  AT(price_mnp),               "0.005",            0,    0,         NULL                      },
    {"prices",  "cnam",                    AMOUNT,  AT(price_cnam),              "0.01",             0,    0,         NULL                      },
    {"reports", "plan",                    TEXT,    AT(plan),                    "realistic",        0,    0,         NULL                      },
    {"reports", "voice_plan",              TEXT,    AT(voice_plan),              "realistic",        0,    0,         NULL                      },
    {"reports", "speed",                   FACTOR,  AT(speed),                   "1",                0,    0,         NULL                      },
    {"reports", "shuffle",                 SHARE,   AT(report_shuffle),          "0",                0,    0,         NULL                      },
    {"reports", "repeat",                  SHARE,   AT(report_repeat),           "0",                0,    0,         NULL                      },
    {"reports", "empty",                   SHARE,   AT(report_empty),            "0",                0,    0,         NULL                      },
    {"reports", "lost",                    SHARE,   AT(report_lost),             "0",                0,    0,         NULL                      },
    {"reports", "late",                    SHARE,   AT(report_late),             "0",                0,    0,         NULL                      },
    {"reports", "late_s",                  INTEGER, AT(report_late_s),           "600",              0,    31536000,  NULL                      },
    {"reports", "early",                   SHARE,   AT(report_early),            "0",                0,    0,         NULL                      },
    {"reports", "early_ms",                INTEGER, AT(report_early_ms),         "200",              0,    3600000,   NULL                      },
    {"hooks",   "body",                    CHOICE,  AT(hook_body),               "nested",           0,    0,         "nested flat"             },
    {"hooks",   "order",                   CHOICE,  AT(hook_order),              "normal",           0,    0,         "normal reversed shuffled"},
    {"hooks",   "repeat",                  INTEGER, AT(hook_repeat),             "1",                1,    100,       NULL                      },
    {"hooks",   "empty_every",             INTEGER, AT(hook_empty_every),        "0",                0,    MANY,      NULL                      },
    {"hooks",   "delay_ms",                INTEGER, AT(hook_delay_ms),           "0",                0,    86400000,  NULL                      },
    {"hooks",   "timeout_ms",              INTEGER, AT(hook_timeout_ms),         "5000",             1,    600000,    NULL                      },
    {"hooks",   "parallel",                INTEGER, AT(hook_parallel),           "32",               1,    1000,      NULL                      },
    {"hooks",   "disable_after",           INTEGER, AT(hook_disable_after),      "0",                0,    MANY,      NULL                      },
};

static bool
fail(struct bh_error *ret_error, struct bh_sim_str section, struct bh_sim_str key, const char *why)
{
    size_t most = 40;
    snprintf(ret_error->field, sizeof ret_error->field, "%.*s.%.*s",
             (int)(section.len < 20 ? section.len : 20), section.ptr,
             (int)(key.len < most ? key.len : most), key.ptr);
    snprintf(ret_error->text, sizeof ret_error->text, "%s: %s", ret_error->field, why);
    return false;
}

static void *
field_of(struct bh_sim_config *config, const struct setting *setting)
{
    return (char *)config + setting->offset;
}

static void
set_text(char **field, struct bh_sim_str value)
{
    free(*field);
    *field = bh_sim_strndup(value.ptr, value.len);
}

static bool
parse_flag(struct bh_sim_str value, int64_t *ret_flag)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(yes); at++) {
        if (bh_sim_str_is_nocase(value, yes[at]) || bh_sim_str_is_nocase(value, no[at])) {
            *ret_flag = bh_sim_str_is_nocase(value, yes[at]) ? 1 : 0;
            return true;
        }
    }
    return false;
}

static bool
parse_choice(struct bh_sim_str value, const char *choices, int64_t *ret_index)
{
    struct bh_sim_str rest = bh_sim_str_from(choices), choice;
    for (int64_t index = 0; bh_sim_str_split(&rest, ' ', &choice); index++) {
        if (bh_sim_str_equal(choice, value)) {
            *ret_index = index;
            return true;
        }
    }
    return false;
}

static bool
parse_factor(struct bh_sim_str value, double *ret_factor)
{
    bh_sim_money amount;
    if (!bh_sim_money_parse(value, &amount) || amount <= 0)
        return false;
    *ret_factor = (double)amount / 1e6;
    return true;
}

static bool
apply(struct bh_sim_config *config, const struct setting *setting, struct bh_sim_str value,
      struct bh_error *ret_error)
{
    struct bh_sim_str section = bh_sim_str_from(setting->section),
                      key = bh_sim_str_from(setting->key);
    int64_t *number =
        setting->kind != TEXT && setting->kind != FACTOR ? field_of(config, setting) : NULL;
    int64_t parsed;
    switch (setting->kind) {
    case INTEGER:
        if (!bh_sim_str_to_int(value, &parsed) || parsed < setting->min || parsed > setting->max)
            return fail(ret_error, section, key, "is no whole number in its range");
        *number = parsed;
        return true;
    case FLAG:
        return parse_flag(value, number) || fail(ret_error, section, key, "is neither yes nor no");
    case CHOICE:
        return parse_choice(value, setting->choices, number) ||
               fail(ret_error, section, key, "is none of the possible words");
    case AMOUNT:
        return bh_sim_money_parse(value, number) ||
               fail(ret_error, section, key, "is no amount such as 12.34");
    case SHARE:
        if (!bh_sim_money_parse(value, &parsed) || parsed < 0 || parsed > 1000000)
            return fail(ret_error, section, key, "is no share from 0 to 1 such as 0.05");
        *number = parsed;
        return true;
    case FACTOR:
        return parse_factor(value, field_of(config, setting)) ||
               fail(ret_error, section, key, "is no positive factor such as 10 or 0.5");
    case TEXT: set_text(field_of(config, setting), value); return true;
    }
    return false;
}

const char *
bh_sim_pairs_find(const struct bh_sim_pairs *pairs, struct bh_sim_str name)
{
    for (size_t at = 0; at < pairs->count; at++)
        if (bh_sim_str_is_nocase(name, pairs->items[at].name))
            return pairs->items[at].value;
    return NULL;
}

bool
bh_sim_pairs_set(struct bh_sim_pairs *pairs, struct bh_sim_str name, struct bh_sim_str value)
{
    for (size_t at = 0; at < pairs->count; at++) {
        if (bh_sim_str_is_nocase(name, pairs->items[at].name)) {
            set_text(&pairs->items[at].value, value);
            return true;
        }
    }
    if (name.len == 0 || pairs->count == PAIRS_MAX)
        return false;
    pairs->items = bh_sim_realloc(pairs->items, (pairs->count + 1) * sizeof *pairs->items);
    pairs->items[pairs->count++] = (struct bh_sim_pair){
        .id = ++pairs->last_id,
        .name = bh_sim_strndup(name.ptr, name.len),
        .value = bh_sim_strndup(value.ptr, value.len),
    };
    return true;
}

struct bh_sim_pair *
bh_sim_pairs_by_id(struct bh_sim_pairs *pairs, int64_t id)
{
    for (size_t at = 0; at < pairs->count; at++)
        if (pairs->items[at].id == id)
            return &pairs->items[at];
    return NULL;
}

bool
bh_sim_pairs_remove(struct bh_sim_pairs *pairs, int64_t id)
{
    struct bh_sim_pair *pair = bh_sim_pairs_by_id(pairs, id);
    if (pair == NULL)
        return false;
    free(pair->name);
    free(pair->value);
    size_t behind = (size_t)(pairs->items + pairs->count - pair) - 1;
    memmove(pair, pair + 1, behind * sizeof *pair);
    pairs->count--;
    return true;
}

static void
pairs_release(struct bh_sim_pairs *pairs)
{
    for (size_t at = 0; at < pairs->count; at++) {
        free(pairs->items[at].name);
        free(pairs->items[at].value);
    }
    free(pairs->items);
    *pairs = (struct bh_sim_pairs){0};
}

const struct bh_sim_key *
bh_sim_config_key(const struct bh_sim_config *config, struct bh_sim_str secret)
{
    for (size_t at = 0; at < config->keys_count; at++)
        if (bh_sim_str_is(secret, config->keys[at].secret))
            return &config->keys[at];
    return NULL;
}

static struct bh_sim_key *
key_of(struct bh_sim_config *config, struct bh_sim_str secret)
{
    for (size_t at = 0; at < config->keys_count; at++)
        if (bh_sim_str_is(secret, config->keys[at].secret))
            return &config->keys[at];
    if (secret.len == 0 || config->keys_count == KEYS_MAX)
        return NULL;
    config->keys = bh_sim_realloc(config->keys, (config->keys_count + 1) * sizeof *config->keys);
    struct bh_sim_key *key = &config->keys[config->keys_count++];
    *key = (struct bh_sim_key){
        .secret = bh_sim_strndup(secret.ptr, secret.len), .enabled = 1, .rights = ALL_RIGHTS};
    return key;
}

/* "all", "none", or names separated by commas or blanks. */
static bool
parse_rights(struct bh_sim_str value, uint32_t *ret_rights)
{
    uint32_t rights = 0;
    struct bh_sim_str rest = value, word;
    while (bh_sim_str_split(&rest, ',', &word)) {
        word = bh_sim_str_trim(word);
        if (bh_sim_str_is(word, "all")) {
            rights = ALL_RIGHTS;
            continue;
        }
        if (word.len == 0 || bh_sim_str_is(word, "none"))
            continue;
        size_t at = 0;
        while (at < BH_SIM_RIGHT_COUNT && !bh_sim_str_is(word, BH_SIM_RIGHT_NAMES[at]))
            at++;
        if (at == BH_SIM_RIGHT_COUNT)
            return false;
        rights |= 1u << at;
    }
    *ret_rights = rights;
    return true;
}

static bool
set_key(struct bh_sim_config *config, struct bh_sim_str secret, struct bh_sim_str name,
        struct bh_sim_str value, struct bh_error *ret_error)
{
    struct bh_sim_str section = BH_SIM_STR("key");
    uint32_t rights = 0;
    int64_t enabled = 0;
    bool is_class = bh_sim_str_is(name, "class");
    bool is_rights = bh_sim_str_is(name, "rights");
    bool is_enabled = bh_sim_str_is(name, "enabled");
    if (is_class && !bh_sim_str_is(value, "live") && !bh_sim_str_is(value, "sandbox"))
        return fail(ret_error, section, name, "is neither live nor sandbox");
    if (is_rights && !parse_rights(value, &rights))
        return fail(ret_error, section, name, "has an endpoint that does not exist");
    if (is_enabled && !parse_flag(value, &enabled))
        return fail(ret_error, section, name, "is neither yes nor no");
    if (!is_class && !is_rights && !is_enabled)
        return fail(ret_error, section, name, "is unknown");
    struct bh_sim_key *key = key_of(config, secret);
    if (key == NULL)
        return fail(ret_error, section, name, "has no key, or there are too many");
    if (is_class)
        key->sandbox = bh_sim_str_is(value, "sandbox") ? 1 : 0;
    else if (is_rights)
        key->rights = rights;
    else
        key->enabled = enabled;
    return true;
}

static bool
set_prefix_price(struct bh_sim_config *config, struct bh_sim_str key, struct bh_sim_str value,
                 struct bh_error *ret_error)
{
    bh_sim_money amount;
    int64_t prefix;
    struct bh_sim_str digits = bh_sim_str_tail(key, 4); /* behind "sms." */
    if (!bh_sim_str_to_int(digits, &prefix) || !bh_sim_money_parse(value, &amount))
        return fail(ret_error, BH_SIM_STR("prices"), key, "wants sms.PREFIX = amount");
    return bh_sim_pairs_set(&config->prices, digits, value) ||
           fail(ret_error, BH_SIM_STR("prices"), key, "is one price too many");
}

bool
bh_sim_config_set(struct bh_sim_config *config, struct bh_sim_str section, struct bh_sim_str key,
                  struct bh_sim_str value, struct bh_error *ret_error)
{
    if (bh_sim_str_starts(section, "key "))
        return set_key(config, bh_sim_str_trim(bh_sim_str_tail(section, 4)), key, value, ret_error);
    if (bh_sim_str_is(section, "contacts") || bh_sim_str_is(section, "groups")) {
        struct bh_sim_pairs *pairs =
            bh_sim_str_is(section, "groups") ? &config->groups : &config->contacts;
        return bh_sim_pairs_set(pairs, key, value) || fail(ret_error, section, key, "does not fit");
    }
    if (bh_sim_str_is(section, "prices") && bh_sim_str_starts(key, "sms."))
        return set_prefix_price(config, key, value, ret_error);
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(settings); at++)
        if (bh_sim_str_is(section, settings[at].section) && bh_sim_str_is(key, settings[at].key))
            return apply(config, &settings[at], value, ret_error);
    return fail(ret_error, section, key, "is no setting of the simulator");
}

static bool
read_line(struct bh_sim_config *config, struct bh_sim_str line, struct bh_sim_str *section,
          struct bh_error *ret_error)
{
    line = bh_sim_str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
        return true;
    if (line.ptr[0] == '[') {
        if (line.ptr[line.len - 1] != ']')
            return fail(ret_error, BH_SIM_STR("section"), line, "has no closing bracket");
        *section = bh_sim_str_trim((struct bh_sim_str){line.ptr + 1, line.len - 2});
        return true;
    }
    struct bh_sim_str rest = line, key;
    bh_sim_str_split(&rest, '=', &key);
    if (rest.ptr == NULL)
        return fail(ret_error, *section, line, "is neither a section nor key = value");
    return bh_sim_config_set(config, *section, bh_sim_str_trim(key), bh_sim_str_trim(rest),
                             ret_error);
}

bool
bh_sim_config_read(struct bh_sim_config *config, struct bh_sim_str text, struct bh_error *ret_error)
{
    struct bh_sim_str rest = text, line, section = BH_SIM_STR_EMPTY;
    for (int number = 1; bh_sim_str_split(&rest, '\n', &line); number++) {
        struct bh_error error;
        if (!read_line(config, line, &section, &error)) {
            *ret_error = error;
            snprintf(ret_error->text, sizeof ret_error->text, "line %d: %.280s", number,
                     error.text);
            return false;
        }
    }
    return true;
}

void
bh_sim_config_init(struct bh_sim_config *config)
{
    *config = (struct bh_sim_config){0};
    struct bh_error error;
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(settings); at++) {
        if (!apply(config, &settings[at], bh_sim_str_from(settings[at].initial), &error)) {
            fprintf(stderr, "bellhop-sim: default of %s\n", error.text);
            abort();
        }
    }
    key_of(config, BH_SIM_STR("sim-live-key"))->sandbox = 0;
    key_of(config, BH_SIM_STR("sim-sandbox-key"))->sandbox = 1;
}

void
bh_sim_config_release(struct bh_sim_config *config)
{
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(settings); at++)
        if (settings[at].kind == TEXT)
            free(*(char **)field_of(config, &settings[at]));
    for (size_t at = 0; at < config->keys_count; at++)
        free(config->keys[at].secret);
    free(config->keys);
    pairs_release(&config->contacts);
    pairs_release(&config->groups);
    pairs_release(&config->prices);
    *config = (struct bh_sim_config){0};
}

static struct bh_sim_str
choice_name(const char *choices, int64_t index)
{
    struct bh_sim_str rest = bh_sim_str_from(choices), choice = BH_SIM_STR_EMPTY;
    while (index-- >= 0 && bh_sim_str_split(&rest, ' ', &choice))
        ;
    return choice;
}

static void
print_value(const struct bh_sim_config *config, const struct setting *setting,
            struct bh_sim_buf *buf)
{
    const char *field = (const char *)config + setting->offset;
    int64_t number = 0;
    double factor = 0;
    const char *text = NULL;
    switch (setting->kind) {
    case TEXT:
        memcpy(&text, field, sizeof text);
        bh_sim_buf_text(buf, text);
        return;
    case FACTOR:
        memcpy(&factor, field, sizeof factor);
        bh_sim_money_print(buf, (bh_sim_money)(factor * 1e6 + 0.5));
        return;
    case INTEGER:
    case FLAG:
    case CHOICE:
    case SHARE:
    case AMOUNT: memcpy(&number, field, sizeof number); break;
    }
    if (setting->kind == CHOICE)
        bh_sim_buf_str(buf, choice_name(setting->choices, number));
    else if (setting->kind == FLAG)
        bh_sim_buf_text(buf, number != 0 ? "yes" : "no");
    else if (setting->kind == AMOUNT || setting->kind == SHARE)
        bh_sim_money_print(buf, number);
    else
        bh_sim_buf_int(buf, number);
}

void
bh_sim_config_print(const struct bh_sim_config *config, struct bh_sim_buf *buf)
{
    const char *section = "";
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(settings); at++) {
        if (strcmp(section, settings[at].section) != 0) {
            section = settings[at].section;
            bh_sim_buf_printf(buf, "%s[%s]\n", at > 0 ? "\n" : "", section);
        }
        bh_sim_buf_printf(buf, "%s = ", settings[at].key);
        print_value(config, &settings[at], buf);
        bh_sim_buf_char(buf, '\n');
    }
}
