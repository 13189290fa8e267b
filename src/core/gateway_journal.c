#include "core/gateway_journal.h"

#include <string.h>

#include "core/delivery_time.h"
#include "core/gateway_body.h"
#include "core/gateway_code.h"
#include "core/gateway_time.h"
#include "core/json.h"
#include "core/scan.h"

/* Codes that are about who asks, not about what. */
static bool
is_refusal(enum bh_code_action action)
{
    return action == BH_ACTION_PAUSE_AUTH;
}

/* ---- time ------------------------------------------------------------------------------------------ */

/* A local time stands for one instant, or for two where clocks are turned back; then `second` is the later. */
struct moments {
    struct bh_wall first;
    struct bh_wall second;
};

static bool
shows_same(const struct bh_zone *zone, struct bh_wall at, const struct bh_datetime *local)
{
    struct bh_datetime shown = bh_zone_to_local(zone, at);
    return shown.year == local->year && shown.month == local->month && shown.day == local->day &&
           shown.hour == local->hour && shown.minute == local->minute &&
           shown.second == local->second;
}

static bool
read_moments(struct bh_str text, const struct bh_zone *zone, struct moments *ret_moments)
{
    struct bh_datetime local;
    struct moments moments;
    if (!bh_gateway_time_scan(&text, &local) || text.len > 0 ||
        !bh_zone_from_local(zone, &local, &moments.first))
        return false;
    struct bh_wall later = {moments.first.ms + BH_DAY_MS};
    int64_t back_s = (int64_t)bh_zone_offset_s(zone, moments.first) - bh_zone_offset_s(zone, later);
    moments.second = (struct bh_wall){moments.first.ms + back_s * BH_SECOND_MS};
    if (back_s <= 0 || !shows_same(zone, moments.second, &local))
        moments.second = moments.first;
    *ret_moments = moments;
    return true;
}

static bool
is_between(struct bh_wall at, struct bh_wall from, struct bh_wall until)
{
    /* Slack is taken off the entry's side, where nothing can overflow: its year has four digits. */
    return at.ms + BH_JOURNAL_SLACK_MS >= from.ms && at.ms - BH_JOURNAL_SLACK_MS <= until.ms;
}

/* ---- one entry ------------------------------------------------------------------------------------- */

enum fit {
    FIT_NO,
    FIT_YES,
    FIT_DOUBTFUL, /* cannot be read */
};

struct reader {
    const struct bh_json *json;
    const struct bh_journal_wanted *wanted;
};

/* Null is an entry that was sent without a foreign_id; without the member it is not known. */
static enum fit
fit_foreign_id(const struct reader *reader, const struct bh_json_value *item)
{
    const struct bh_json_value *value = bh_json_get(item, "foreign_id");
    struct bh_str text;
    if (bh_json_type(value) == BH_JSON_NULL)
        return FIT_NO;
    if (!bh_gateway_scalar(reader->json, value, &text))
        return FIT_DOUBTFUL;
    return bh_str_equal_text(text, reader->wanted->foreign_id) ? FIT_YES : FIT_NO;
}

static enum fit
fit_recipient(const struct reader *reader, const struct bh_json_value *item)
{
    struct bh_str text;
    char msisdn[24] = "";
    if (reader->wanted->msisdn == NULL)
        return FIT_YES;
    if (bh_gateway_scalar(reader->json, bh_json_get(item, "to"), &text))
        bh_gateway_copy_msisdn(text, msisdn);
    if (msisdn[0] == '\0')
        return FIT_DOUBTFUL;
    return strcmp(msisdn, reader->wanted->msisdn) == 0 ? FIT_YES : FIT_NO;
}

/* The next character, a line's end in any of its three spellings as a line feed. */
static char
next_char(struct bh_str *rest)
{
    char c = rest->ptr[0];
    size_t len = c == '\r' && rest->len > 1 && rest->ptr[1] == '\n' ? 2 : 1;
    *rest = (struct bh_str){rest->ptr + len, rest->len - len};
    return c == '\r' ? '\n' : c;
}

/*
 * Not byte by byte: foreign_id and time have agreed by now, and a form that was tidied up on its way must not
 * pass for another message.
 */
static bool
is_same_text(struct bh_str a, struct bh_str b)
{
    a = bh_str_trim(a);
    b = bh_str_trim(b);
    while (a.len > 0 && b.len > 0)
        if (next_char(&a) != next_char(&b))
            return false;
    return a.len == 0 && b.len == 0;
}

static enum fit
fit_text(const struct reader *reader, const struct bh_json_value *item)
{
    const struct bh_json_value *value = bh_json_get(item, "text");
    struct bh_str text;
    enum bh_json_type type = bh_json_type(value);
    if (reader->wanted->text == NULL || type == BH_JSON_NULL || type == BH_JSON_NONE)
        return FIT_YES;
    if (!bh_gateway_scalar(reader->json, value, &text))
        return FIT_DOUBTFUL;
    if (text.len == 0)
        return FIT_YES;
    return is_same_text(text, bh_str_from(reader->wanted->text)) ? FIT_YES : FIT_NO;
}

static enum fit
fit_time(const struct reader *reader, const struct bh_json_value *item, struct bh_wall *ret_at)
{
    const struct bh_journal_wanted *wanted = reader->wanted;
    struct bh_str text;
    struct moments moments;
    if (!bh_json_string(bh_json_get(item, "timestamp"), &text) ||
        !read_moments(text, wanted->zone, &moments))
        return FIT_DOUBTFUL;
    bool first = is_between(moments.first, wanted->from, wanted->until);
    *ret_at = first ? moments.first : moments.second;
    return first || is_between(moments.second, wanted->from, wanted->until) ? FIT_YES : FIT_NO;
}

/* A delivery that is not known yet, or cannot be read, is none that failed. */
static enum fit
fit_delivery(const struct reader *reader, const struct bh_json_value *item)
{
    struct bh_str text;
    bool failed = reader->wanted->skips_failed && bh_json_string(bh_json_get(item, "dlr"), &text) &&
                  (bh_str_equal_nocase(text, bh_str_from("FAILED")) ||
                   bh_str_equal_nocase(text, bh_str_from("REJECTED")));
    return failed ? FIT_NO : FIT_YES;
}

/* NO wins over DOUBTFUL wins over YES. */
static enum fit
fit_entry(const struct reader *reader, const struct bh_json_value *item, struct bh_wall *ret_at)
{
    if (bh_json_type(item) != BH_JSON_OBJECT)
        return FIT_DOUBTFUL;
    const enum fit fits[] = {
        fit_foreign_id(reader, item),   fit_recipient(reader, item), fit_text(reader, item),
        fit_time(reader, item, ret_at), fit_delivery(reader, item),
    };
    enum fit fit = FIT_YES;
    for (size_t i = 0; i < BH_ARRAY_LEN(fits); i++) {
        if (fits[i] == FIT_NO)
            return FIT_NO;
        if (fits[i] == FIT_DOUBTFUL)
            fit = FIT_DOUBTFUL;
    }
    return fit;
}

/* Of the gateway's words, so that nothing else gets into status hashes. */
static void
copy_delivery(struct bh_str text, char ret_delivery[16])
{
    static const char *const words[] = {"DELIVERED",   "NOTDELIVERED", "BUFFERED",
                                        "TRANSMITTED", "ACCEPTED",     "EXPIRED",
                                        "REJECTED",    "FAILED",       "UNKNOWN"};
    ret_delivery[0] = '\0';
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++)
        if (bh_str_equal_nocase(text, bh_str_from(words[i])))
            memcpy(ret_delivery, words[i], strlen(words[i]) + 1);
}

static void
copy_entry(const struct bh_json *json, const struct bh_json_value *item, struct bh_wall at,
           struct bh_journal_entry *entry)
{
    struct bh_str text;
    int64_t number;
    *entry = (struct bh_journal_entry){
        .count = entry->count + 1,
        .entries = entry->entries,
        .price_micro = -1,
        .sent_at = at,
    };
    if (bh_gateway_scalar(json, bh_json_get(item, "id"), &text))
        bh_gateway_copy_digits(text, entry->id, sizeof(entry->id));
    if (bh_gateway_money(json, bh_json_get(item, "price"), &number) && number >= 0)
        entry->price_micro = number;
    if (bh_json_string(bh_json_get(item, "dlr"), &text))
        copy_delivery(text, entry->delivery);
}

/* ---- a page ---------------------------------------------------------------------------------------- */

/* The last entry is older than the window in either reading of its time: the pages behind it are older still. */
static bool
reaches_back(const struct reader *reader, const struct bh_json_value *last)
{
    struct bh_str text;
    struct moments moments;
    return bh_json_string(bh_json_get(last, "timestamp"), &text) &&
           read_moments(text, reader->wanted->zone, &moments) &&
           moments.second.ms + BH_JOURNAL_SLACK_MS < reader->wanted->from.ms;
}

static enum bh_journal_finding
search(const struct reader *reader, const struct bh_json_value *list,
       struct bh_journal_entry *entry)
{
    const struct bh_json_value *item = bh_json_first(list), *last = NULL;
    bool is_doubtful = false;
    for (; item != NULL; item = bh_json_next(item)) {
        struct bh_wall at = {0};
        enum fit fit = fit_entry(reader, item, &at);
        if (fit == FIT_YES)
            copy_entry(reader->json, item, at, entry);
        else if (fit == FIT_DOUBTFUL)
            is_doubtful = true;
        last = item;
        entry->entries++;
    }
    if (entry->count > 0)
        return BH_JOURNAL_FOUND;
    if (is_doubtful)
        return BH_JOURNAL_UNREADABLE;
    if (entry->entries >= BH_JOURNAL_PAGE && !reaches_back(reader, last))
        return BH_JOURNAL_MORE;
    return BH_JOURNAL_ABSENT;
}

/* An array, or the object that PHP makes of an array with holes in its numbering. */
static bool
is_list(const struct bh_json_value *root)
{
    if (bh_json_type(root) == BH_JSON_ARRAY)
        return true;
    const struct bh_json_value *item = bh_json_first(root);
    if (bh_json_type(root) != BH_JSON_OBJECT || item == NULL)
        return false;
    for (; item != NULL; item = bh_json_next(item))
        if (bh_json_type(item) != BH_JSON_OBJECT)
            return false;
    return true;
}

static enum bh_journal_finding
judge_code(int code, struct bh_journal_entry *entry)
{
    if (code == 0 || code == 100 || code == 101)
        return BH_JOURNAL_UNREADABLE;
    entry->code = code;
    return is_refusal(bh_gateway_code_find(code)->action) ? BH_JOURNAL_REFUSED
                                                          : BH_JOURNAL_UNREADABLE;
}

/* `success` false has its code elsewhere. */
static int
object_code(const struct bh_json *json, const struct bh_json_value *root)
{
    static const char *const names[] = {"success", "error", "code"};
    int code = 0;
    for (size_t i = 0; i < BH_ARRAY_LEN(names) && code == 0; i++)
        if (!bh_gateway_success(json, bh_json_get(root, names[i]), &code))
            code = 0;
    return code;
}

/* Whether there is a page at all; if so the caller frees *ret_json. */
static bool
open_page(const struct bh_exchange *exchange, struct bh_json **ret_json,
          struct bh_journal_entry *entry, enum bh_journal_finding *ret_finding)
{
    struct bh_str text = bh_gateway_body_text(exchange);
    struct bh_json *json;
    int code;
    *ret_finding = BH_JOURNAL_UNREADABLE;
    if (!bh_gateway_body_decides(exchange)) {
        bool refused = exchange->http_status >= 200 &&
                       is_refusal(bh_gateway_status_find(exchange->http_status, false)->action);
        *ret_finding = refused ? BH_JOURNAL_REFUSED : BH_JOURNAL_UNREADABLE;
        return false;
    }
    if (bh_gateway_code_parse(text, &code)) {
        *ret_finding = judge_code(code, entry);
        return false;
    }
    if (bh_json_parse(text, text.len, BH_JSON_LENIENT, &json, NULL) != BH_OK)
        return false;
    if (is_list(bh_json_root(json))) {
        *ret_json = json;
        return true;
    }
    *ret_finding = judge_code(object_code(json, bh_json_root(json)), entry);
    bh_json_free(json);
    return false;
}

enum bh_journal_finding
bh_gateway_journal_read(const struct bh_exchange *exchange, const struct bh_journal_wanted *wanted,
                        struct bh_journal_entry *ret_entry)
{
    BH_ASSERT(wanted->foreign_id != NULL && wanted->foreign_id[0] != '\0');
    struct reader reader = {.wanted = wanted};
    struct bh_json *json;
    enum bh_journal_finding finding;
    *ret_entry = (struct bh_journal_entry){.price_micro = -1};
    if (!open_page(exchange, &json, ret_entry, &finding))
        return finding;
    reader.json = json;
    finding = search(&reader, bh_json_root(json), ret_entry);
    bh_json_free(json);
    return finding;
}

enum bh_journal_finding
bh_gateway_journal_probe(const struct bh_exchange *exchange, const struct bh_zone *zone,
                         struct bh_journal_entry *ret_entry)
{
    struct bh_json *json;
    struct bh_str text;
    struct moments moments;
    enum bh_journal_finding finding;
    *ret_entry = (struct bh_journal_entry){.price_micro = -1};
    if (!open_page(exchange, &json, ret_entry, &finding))
        return finding;
    const struct bh_json_value *item = bh_json_first(bh_json_root(json));
    ret_entry->entries = (unsigned)bh_json_count(bh_json_root(json));
    finding = item == NULL                           ? BH_JOURNAL_ABSENT
              : bh_json_type(item) == BH_JSON_OBJECT ? BH_JOURNAL_FOUND
                                                     : BH_JOURNAL_UNREADABLE;
    if (finding == BH_JOURNAL_FOUND && bh_json_string(bh_json_get(item, "timestamp"), &text) &&
        read_moments(text, zone, &moments))
        ret_entry->sent_at = moments.first;
    bh_json_free(json);
    return finding;
}

/* ---- what became of messages ----------------------------------------------------------------------- */

/* A call longer than this is a mistake. */
#define CALL_MAX_S 1000000

static void
learn_call(const struct bh_json *json, const struct bh_json_value *item, const struct bh_zone *zone,
           struct bh_pulled_message *message)
{
    struct bh_str text;
    struct bh_wall began;
    int64_t duration_s;
    if (bh_gateway_scalar(json, bh_json_get(item, "duration"), &text) &&
        bh_str_to_int64(text, &duration_s) && duration_s >= 0 && duration_s <= CALL_MAX_S)
        message->duration_s = duration_s;
    if (bh_json_string(bh_json_get(item, "timestamp"), &text) &&
        bh_delivery_time_parse(text, zone, &began) && message->duration_s >= 0)
        message->at = (struct bh_wall){began.ms + message->duration_s * BH_SECOND_MS};
}

static void
learn_entry(const struct bh_json *json, const struct bh_json_value *item,
            const struct bh_zone *zone, bool calls, struct bh_pulled_message *message)
{
    struct bh_str text;
    if (!bh_json_string(bh_json_get(item, calls ? "status" : "dlr"), &text))
        return;
    enum bh_delivery delivery = bh_delivery_from_word(bh_str_trim(text), calls);
    if (delivery <= BH_DELIVERY_OTHER || message->delivery != BH_DELIVERY_NONE)
        return;
    message->delivery = delivery;
    if (calls)
        learn_call(json, item, zone, message);
    else if (!bh_json_string(bh_json_get(item, "dlr_timestamp"), &text) ||
             !bh_delivery_time_parse(text, zone, &message->at))
        message->at = (struct bh_wall){0};
}

static enum bh_pulled
pulled_from(enum bh_journal_finding finding, int http_status, int code)
{
    if (finding == BH_JOURNAL_REFUSED)
        return BH_PULLED_REFUSED;
    bool is_there = code == 0 && http_status != 404 && http_status != 405 && http_status != 410;
    return is_there ? BH_PULLED_NOTHING : BH_PULLED_NOT_SO;
}

enum bh_pulled
bh_gateway_journal_pull(const struct bh_exchange *exchange, const struct bh_zone *zone, bool calls,
                        struct bh_pulled_message *messages, size_t count,
                        struct bh_journal_page *ret_page)
{
    struct bh_json *json;
    struct bh_journal_entry entry = {.price_micro = -1};
    enum bh_journal_finding finding;
    struct moments moments;
    *ret_page = (struct bh_journal_page){.entries = 0};
    if (!open_page(exchange, &json, &entry, &finding)) {
        ret_page->code = entry.code;
        return pulled_from(finding, exchange->http_status, entry.code);
    }
    const struct bh_json_value *item = bh_json_first(bh_json_root(json));
    for (; item != NULL; item = bh_json_next(item)) {
        struct bh_str text;
        struct bh_pulled_message *message = NULL;
        if (bh_gateway_scalar(json, bh_json_get(item, "id"), &text))
            message = bh_pulled_find(messages, count, text);
        if (message != NULL)
            learn_entry(json, item, zone, calls, message);
        bool timed = bh_json_string(bh_json_get(item, "timestamp"), &text) &&
                     read_moments(text, zone, &moments);
        ret_page->last_at = timed ? moments.second : (struct bh_wall){0};
        ret_page->entries++;
    }
    bh_json_free(json);
    return BH_PULLED_READ;
}

const char *
bh_journal_finding_name(enum bh_journal_finding finding)
{
    switch (finding) {
    case BH_JOURNAL_FOUND: return "found";
    case BH_JOURNAL_ABSENT: return "absent";
    case BH_JOURNAL_MORE: return "more";
    case BH_JOURNAL_REFUSED: return "refused";
    case BH_JOURNAL_UNREADABLE: return "unreadable";
    }
    return "unknown";
}
