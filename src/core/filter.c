#include "core/filter.h"

#include <string.h>

#include <bellhop/state.h>

#include "core/did_you_mean.h"
#include "core/duration.h"
#include "core/fault.h"
#include "core/phone.h"

#define BIT(field) (UINT32_C(1) << (field))

enum operator{
    OPERATOR_IS,
    OPERATOR_IS_NOT,
    OPERATOR_LIKE,
    OPERATOR_OVER,
    OPERATOR_AT_LEAST,
    OPERATOR_UNDER,
    OPERATOR_AT_MOST,
};

enum kind {
    KIND_STATE,
    KIND_REASON,
    KIND_TYPE,
    KIND_TEXT,
    KIND_NUMBER_FORMS, /* text that may be a phone number in several spellings */
    KIND_COUNT,
    KIND_DURATION,
};

static const struct {
    const char *name;
    enum kind kind;
} fields[] = {
    [BH_FILTER_STATE] = {"state",    KIND_STATE       },
      [BH_FILTER_REASON] = {"reason",   KIND_REASON      },
    [BH_FILTER_QUEUE] = {"queue",    KIND_TEXT        },
      [BH_FILTER_ID] = {"id",       KIND_TEXT        },
    [BH_FILTER_ATTEMPTS] = {"attempts", KIND_COUNT       },
      [BH_FILTER_AGE] = {"age",      KIND_DURATION    },
    [BH_FILTER_NEXT] = {"next",     KIND_DURATION    },
      [BH_FILTER_TYPE] = {"type",     KIND_TYPE        },
    [BH_FILTER_TO] = {"to",       KIND_NUMBER_FORMS},
      [BH_FILTER_LABEL] = {"label",    KIND_TEXT        },
    [BH_FILTER_CODE] = {"code",     KIND_COUNT       },
      [BH_FILTER_FROM] = {"from",     KIND_NUMBER_FORMS},
};

_Static_assert(BH_ARRAY_LEN(fields) == BH_FILTER_FIELDS, "a field without a row");

#define FIELD_NAMES "state, reason, queue, id, attempts, age, next, type, to, label, code or from"

/* The most telling ones first: what a job is called that has several. */
static const struct {
    const char *name;
    uint32_t bit;
} states[] = {
    {"uncertain", BH_FILTER_UNCERTAIN},
    {"ready",     BH_FILTER_READY    },
    {"scheduled", BH_FILTER_SCHEDULED},
    {"retrying",  BH_FILTER_RETRYING },
    {"held",      BH_FILTER_HELD     },
    {"sending",   BH_FILTER_SENDING  },
    {"failed",    BH_FILTER_FAILED   },
    {"unknown",   BH_FILTER_UNKNOWN  },
    {"invalid",   BH_FILTER_INVALID  },
    {"sent",      BH_FILTER_SENT     },
    {"partial",   BH_FILTER_PARTIAL  },
    {"expired",   BH_FILTER_EXPIRED  },
    {"cancelled", BH_FILTER_CANCELLED},
    {"duplicate", BH_FILTER_DUPLICATE},
    {"dead",      BH_FILTER_DEAD     },
    {"inflight",  BH_FILTER_SENDING  },
};

#define STATE_NAMES                                                                                \
    "ready, scheduled, retrying, held, sending, uncertain, dead, failed, unknown, invalid, sent, " \
    "partial, expired, cancelled or duplicate"

#define REASON_NAMES                                                                               \
    "reload_lock, daily_limit, credit, auth, gateway_down, paused, operator, uncertain or none"

/* ---- reading ---- */

static bool
is_operator_char(char c)
{
    return c == '=' || c == '!' || c == '~' || c == '<' || c == '>';
}

static size_t
find_operator(struct bh_str text)
{
    size_t at = 0;
    while (at < text.len && !is_operator_char(text.ptr[at]))
        at++;
    return at;
}

bool
bh_filter_is_term(struct bh_str text)
{
    return find_operator(text) < text.len;
}

void
bh_filter_init(struct bh_filter *filter)
{
    filter->count = 0;
}

static struct bh_str
cut(struct bh_str text, size_t bytes)
{
    return (struct bh_str){text.ptr + bytes, text.len - bytes};
}

/* *text begins with the operator, which is cut off. */
static bool
read_operator(struct bh_str *text, enum operator* ret_operator)
{
    static const struct {
        const char *text;
        enum operator operator;
    } operators[] = {
        {"!=", OPERATOR_IS_NOT  },
        {">=", OPERATOR_AT_LEAST},
        {"<=", OPERATOR_AT_MOST },
        {"=",  OPERATOR_IS      },
        {"~",  OPERATOR_LIKE    },
        {">",  OPERATOR_OVER    },
        {"<",  OPERATOR_UNDER   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(operators); i++) {
        struct bh_str sign = bh_str_from(operators[i].text);
        if (!bh_str_starts_with(*text, sign))
            continue;
        *ret_operator = operators[i].operator;
        *text = cut(*text, sign.len);
        return true;
    }
    return false;
}

static enum bh_status
read_field(struct bh_str name, enum bh_filter_field *ret_field, struct bh_error *error)
{
    struct bh_did_you_mean search;
    bh_did_you_mean_start(&search, name);
    for (size_t i = 0; i < BH_FILTER_FIELDS; i++) {
        if (bh_str_equal_text(name, fields[i].name)) {
            *ret_field = (enum bh_filter_field)i;
            return BH_OK;
        }
        bh_did_you_mean_offer(&search, fields[i].name);
    }
    if (search.name != NULL)
        return bh_error_set(error, "filter", "jobs have no `%s`, did you mean `%s`?",
                            bh_quote(name).text, search.name);
    return bh_error_set(error, "filter", "jobs have no `%s`; a filter is about " FIELD_NAMES,
                        bh_quote(name).text);
}

static enum bh_status
check_operator(const char *name, enum kind kind, enum operator operator, struct bh_error * error)
{
    bool compares = operator>= OPERATOR_OVER;
    if (kind == KIND_COUNT && operator== OPERATOR_LIKE)
        return bh_error_set(error, "filter",
                            "`%s` is a number: it takes =, !=, >, >=, < and <=", name);
    if (kind == KIND_DURATION && !compares)
        return bh_error_set(error, "filter", "`%s` is a duration: it takes >, >=, < and <=", name);
    if (kind < KIND_COUNT && compares)
        return bh_error_set(error, "filter", "`%s` is no number: it takes = and !=%s", name,
                            kind >= KIND_TEXT ? " and ~" : "");
    if (kind < KIND_TEXT && operator== OPERATOR_LIKE)
        return bh_error_set(error, "filter",
                            "`%s` is one of a few words: it takes = and !=, with commas between "
                            "several",
                            name);
    return BH_OK;
}

static enum bh_status
refuse_word(const char *what, struct bh_str value, const char *guess, const char *allowed,
            struct bh_error *error)
{
    if (guess != NULL)
        return bh_error_set(error, "filter", "there is no %s `%s`, did you mean `%s`?", what,
                            bh_quote(value).text, guess);
    return bh_error_set(error, "filter", "there is no %s `%s`: %s", what, bh_quote(value).text,
                        allowed);
}

static enum bh_status
read_state(struct bh_str value, uint32_t *states_bits, struct bh_error *error)
{
    struct bh_did_you_mean search;
    bh_did_you_mean_start(&search, value);
    for (size_t i = 0; i < BH_ARRAY_LEN(states); i++) {
        if (bh_str_equal_text(value, states[i].name)) {
            *states_bits |= states[i].bit;
            return BH_OK;
        }
        bh_did_you_mean_offer(&search, states[i].name);
    }
    return refuse_word("state", value, search.name, STATE_NAMES, error);
}

/* "none" stands for the empty one. */
static enum bh_status
read_reason(struct bh_str *value, struct bh_error *error)
{
    struct bh_did_you_mean search;
    if (bh_str_equal_text(*value, "none")) {
        *value = (struct bh_str){"", 0};
        return BH_OK;
    }
    bh_did_you_mean_start(&search, *value);
    for (int i = BH_REASON_NONE + 1; i < BH_REASON_COUNT; i++) {
        const char *name = bh_reason_name((enum bh_reason)i);
        if (bh_str_equal_text(*value, name))
            return BH_OK;
        bh_did_you_mean_offer(&search, name);
    }
    return refuse_word("reason", *value, search.name, REASON_NAMES, error);
}

/* "+4917..." and "004917..." stand in a status as "4917...". */
static struct bh_str
without_plus(struct bh_str value)
{
    if (value.len > 1 && value.ptr[0] == '+')
        return cut(value, 1);
    if (value.len > 2 && value.ptr[0] == '0' && value.ptr[1] == '0')
        return cut(value, 2);
    return value;
}

static enum bh_status
read_number(const char *name, enum kind kind, struct bh_str value, int64_t *ret_number,
            struct bh_error *error)
{
    if (kind == KIND_DURATION) {
        struct bh_error why;
        if (bh_duration_parse(value, BH_UNIT_ZERO_MAY_BE_BARE, ret_number, &why) == BH_OK)
            return BH_OK;
        return bh_error_set(error, "filter", "`%s`: %s", name, why.text);
    }
    if (bh_str_to_int64(value, ret_number))
        return BH_OK;
    return bh_error_set(error, "filter", "`%s` needs a whole number, not \"%s\"", name,
                        bh_quote(value).text);
}

static enum bh_status
read_value(struct bh_filter_term *term, struct bh_str value, struct bh_error *error)
{
    const char *name = fields[term->field].name;
    enum kind kind = fields[term->field].kind;
    int64_t number;
    enum bh_status status = BH_OK;
    if (value.len == 0 || value.len > BH_FILTER_VALUE_MAX)
        return bh_error_set(error, "filter", "`%s` needs values of 1 to %d characters", name,
                            BH_FILTER_VALUE_MAX);
    if (term->count == BH_FILTER_VALUES_MAX)
        return bh_error_set(error, "filter", "`%s` takes at most %d values", name,
                            BH_FILTER_VALUES_MAX);
    switch (kind) {
    case KIND_STATE: status = read_state(value, &term->states, error); break;
    case KIND_REASON: status = read_reason(&value, error); break;
    case KIND_TYPE:
        if (!bh_str_equal_text(value, "sms") && !bh_str_equal_text(value, "voice"))
            status = refuse_word("type", value, NULL, "sms or voice", error);
        break;
    case KIND_NUMBER_FORMS: value = without_plus(value); break;
    case KIND_COUNT: status = read_number(name, kind, value, &number, error); break;
    case KIND_TEXT:
    case KIND_DURATION: break;
    }
    if (status == BH_OK)
        term->values[term->count++] = value;
    return status;
}

static enum bh_status
read_values(struct bh_filter_term *term, struct bh_str text, struct bh_error *error)
{
    struct bh_str rest = text, value;
    if (term->operator>= OPERATOR_OVER)
        return read_number(fields[term->field].name, fields[term->field].kind, text, &term->number,
                           error);
    if (text.len == 0)
        return read_value(term, text, error);
    while (bh_str_split(&rest, ',', &value)) {
        enum bh_status status = read_value(term, value, error);
        if (status != BH_OK)
            return status;
    }
    return BH_OK;
}

enum bh_status
bh_filter_add(struct bh_filter *filter, struct bh_str text, struct bh_error *ret_error)
{
    size_t at = find_operator(text);
    struct bh_str name = {text.ptr, at};
    struct bh_filter_term term = {.count = 0};
    enum operator operator;
    if (filter->count == BH_FILTER_TERMS_MAX)
        return bh_error_set(ret_error, "filter", "a filter has at most %d terms",
                            BH_FILTER_TERMS_MAX);
    if (at == text.len)
        return bh_error_set(ret_error, "filter",
                            "\"%s\" is no term of a filter: those are like state=retrying or "
                            "age>10m",
                            bh_quote(text).text);
    text = cut(text, at);
    enum bh_status status = read_field(name, &term.field, ret_error);
    if (status != BH_OK)
        return status;
    if (!read_operator(&text, &operator))
        return bh_error_set(
            ret_error, "filter",
            "`%s` is followed by none of =, !=, ~, >, >=, < and <=", fields[term.field].name);
    term.operator=(int) operator;
    status = check_operator(fields[term.field].name, fields[term.field].kind, operator, ret_error);
    if (status == BH_OK)
        status = read_values(&term, text, ret_error);
    if (status == BH_OK)
        filter->terms[filter->count++] = term;
    return status;
}

/* ---- choosing ---- */

uint32_t
bh_filter_needs(const struct bh_filter *filter)
{
    uint32_t needs = 0;
    for (size_t i = 0; i < filter->count; i++)
        needs |= BIT(filter->terms[i].field);
    return needs;
}

uint32_t
bh_filter_states(const struct bh_filter *filter)
{
    uint32_t allowed = BH_FILTER_STATES_ALL;
    for (size_t i = 0; i < filter->count; i++) {
        const struct bh_filter_term *term = &filter->terms[i];
        if (term->field != BH_FILTER_STATE)
            continue;
        uint32_t named = term->states;
        /* A job has a more telling state beside these two, and the other way round. */
        if ((named & BH_FILTER_DEAD) != 0)
            named |= BH_FILTER_FAILED | BH_FILTER_UNKNOWN | BH_FILTER_INVALID;
        if ((term->states & BH_FILTER_UNCERTAIN) != 0)
            named |= BH_FILTER_READY | BH_FILTER_RETRYING | BH_FILTER_HELD | BH_FILTER_SENDING;
        if (term->operator== OPERATOR_IS)
            allowed &= named;
        else if ((term->states & BH_FILTER_DEAD) != 0)
            allowed &= ~(term->states | BH_FILTER_FAILED | BH_FILTER_UNKNOWN | BH_FILTER_INVALID);
        else
            allowed &= ~(term->states & ~(uint32_t)BH_FILTER_UNCERTAIN);
    }
    return allowed;
}

uint32_t
bh_filter_states_named(const struct bh_filter *filter)
{
    uint32_t named = 0;
    for (size_t i = 0; i < filter->count; i++) {
        const struct bh_filter_term *term = &filter->terms[i];
        if (term->field == BH_FILTER_STATE && term->operator== OPERATOR_IS)
            named |= term->states;
    }
    return named;
}

/* In time proportional to both lengths at worst, without recursion: only the last star is ever gone back to. */
static bool
is_like(struct bh_str text, struct bh_str pattern)
{
    size_t at = 0, in_pattern = 0, star = SIZE_MAX, resume = 0;
    while (at < text.len) {
        if (in_pattern < pattern.len && pattern.ptr[in_pattern] == '*') {
            star = in_pattern++;
            resume = at;
        } else if (in_pattern < pattern.len && pattern.ptr[in_pattern] == text.ptr[at]) {
            in_pattern++;
            at++;
        } else if (star != SIZE_MAX) {
            in_pattern = star + 1;
            at = ++resume;
        } else {
            return false;
        }
    }
    while (in_pattern < pattern.len && pattern.ptr[in_pattern] == '*')
        in_pattern++;
    return in_pattern == pattern.len;
}

/* As `is_like` or equal to any of the term's values. */
static bool
is_any(const struct bh_filter_term *term, struct bh_str text)
{
    for (size_t i = 0; i < term->count; i++) {
        bool is = term->operator== OPERATOR_LIKE ? is_like(text, term->values[i])
                                                 : bh_str_equal(text, term->values[i]);
        if (is)
            return true;
    }
    return false;
}

static bool
is_any_number(const struct bh_filter_term *term, int64_t number)
{
    int64_t value;
    for (size_t i = 0; i < term->count; i++) {
        if (bh_str_to_int64(term->values[i], &value) && value == number)
            return true;
    }
    return false;
}

static bool
is_any_recipient(const struct bh_filter_term *term, struct bh_str to)
{
    struct bh_str rest = to, one;
    if (to.len == 0)
        return is_any(term, to);
    while (bh_str_split(&rest, ',', &one)) {
        if (is_any(term, without_plus(bh_str_trim(one))))
            return true;
    }
    return false;
}

/* What is not there is neither more nor less than anything. */
static bool
compares(const struct bh_filter_term *term, bool there, int64_t value)
{
    switch ((enum operator)term->operator) {
    case OPERATOR_OVER: return there && value > term->number;
    case OPERATOR_AT_LEAST: return there && value >= term->number;
    case OPERATOR_UNDER: return there && value < term->number;
    case OPERATOR_AT_MOST: return there && value <= term->number;
    case OPERATOR_IS_NOT: return !there || !is_any_number(term, value);
    case OPERATOR_IS:
    case OPERATOR_LIKE: break;
    }
    return there && is_any_number(term, value);
}

static bool
holds(const struct bh_filter_term *term, const struct bh_filter_facts *facts)
{
    bool wanted = term->operator!= OPERATOR_IS_NOT;
    switch (term->field) {
    case BH_FILTER_STATE: return ((facts->states & term->states) != 0) == wanted;
    case BH_FILTER_REASON: return is_any(term, facts->reason) == wanted;
    case BH_FILTER_QUEUE: return is_any(term, facts->queue) == wanted;
    case BH_FILTER_ID: return is_any(term, facts->id) == wanted;
    case BH_FILTER_TYPE: return is_any(term, facts->type) == wanted;
    case BH_FILTER_LABEL: return is_any(term, facts->label) == wanted;
    case BH_FILTER_FROM: return is_any(term, without_plus(facts->from)) == wanted;
    case BH_FILTER_TO: return is_any_recipient(term, facts->to) == wanted;
    case BH_FILTER_ATTEMPTS: return compares(term, true, facts->attempts);
    case BH_FILTER_CODE: return compares(term, facts->code >= 0, facts->code);
    case BH_FILTER_AGE: return compares(term, facts->age >= 0, facts->age);
    case BH_FILTER_NEXT: return compares(term, facts->waits, facts->next);
    }
    return false;
}

bool
bh_filter_matches(const struct bh_filter *filter, const struct bh_filter_facts *facts)
{
    for (size_t i = 0; i < filter->count; i++) {
        const struct bh_filter_term *term = &filter->terms[i];
        if ((facts->known & BIT(term->field)) != 0 && !holds(term, facts))
            return false;
    }
    return true;
}

const char *
bh_filter_state_name(uint32_t bits)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(states); i++) {
        if ((states[i].bit & bits) != 0)
            return states[i].name;
    }
    return "";
}

uint32_t
bh_filter_state_bit(struct bh_str word)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(states); i++) {
        if (bh_str_equal_text(word, states[i].name))
            return states[i].bit;
    }
    return 0;
}

const char *
bh_filter_field_name(int field)
{
    return field >= 0 && field < BH_FILTER_FIELDS ? fields[field].name : NULL;
}
