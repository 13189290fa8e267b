/*
 * First byte: how the exchange went and what is compared; the rest: the body.
 *
 * Properties: FOUND needs a body that decides and holds the wanted foreign_id (plainly or escaped), there are never more matches
 * than opening braces, a wider question never finds less, what comes out is bounded and printable, and
 * reading twice gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include "core/gateway_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

#define FOREIGN_ID "job-1"

static size_t
count_char(struct bh_str text, char wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == wanted ? 1 : 0;
    return count;
}

static bool
contains(struct bh_str text, const char *wanted)
{
    size_t len = strlen(wanted);
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.ptr + i, wanted, len) == 0)
            return true;
    return false;
}

static void
check_entry(const struct bh_journal_entry *entry, enum bh_journal_finding finding,
            const struct bh_exchange *exchange, const struct bh_journal_wanted *wanted)
{
    bool found = finding == BH_JOURNAL_FOUND;
    REQUIRE((entry->count > 0) == found);
    REQUIRE(entry->count <= count_char(exchange->body, '{'));
    REQUIRE(strspn(entry->id, "0123456789") == strlen(entry->id));
    REQUIRE(strspn(entry->delivery, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(entry->delivery));
    REQUIRE(entry->price_micro >= -1 && entry->count <= entry->entries);
    REQUIRE(entry->code == 0 || (entry->code >= 10 && entry->code <= 999));
    REQUIRE(entry->code == 0 || finding == BH_JOURNAL_REFUSED || finding == BH_JOURNAL_UNREADABLE);
    if (!found)
        return;
    REQUIRE(exchange->http_status >= 200 && exchange->http_status <= 299);
    REQUIRE(exchange->headers_complete && exchange->body_complete);
    REQUIRE(contains(exchange->body, FOREIGN_ID) || count_char(exchange->body, '\\') > 0);
    REQUIRE(entry->sent_at.ms >= wanted->from.ms - BH_JOURNAL_SLACK_MS &&
            entry->sent_at.ms <= wanted->until.ms + BH_JOURNAL_SLACK_MS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 200, 0, 201, 302, 403, 503};
    if (size == 0)
        return 0;
    uint8_t choice = data[0];
    struct bh_exchange exchange = {
        .handed_over = BH_HANDED_ALL,
        .http_status = statuses[choice >> 5],
        .headers_complete = choice != 64,
        .body_complete = choice != 65,
        .retry_after_ms = -1,
        .body = {(const char *)data + 1, size - 1},
    };
    struct bh_journal_wanted wanted = {
        .foreign_id = FOREIGN_ID,
        .msisdn = (choice & 1) != 0 ? NULL : "491711234567",
        .text = (choice & 2) != 0 ? NULL
                                  : "Gr\xc3\xbc\xc3\x9f"
                                    "e\nan alle",
        .from = {1795165200000},
        .until = {1795165210000},
    };
    struct bh_journal_wanted wide = wanted;
    struct bh_journal_entry entry, again;
    enum bh_journal_finding finding = bh_gateway_journal_read(&exchange, &wanted, &entry);
    check_entry(&entry, finding, &exchange, &wanted);
    REQUIRE(bh_gateway_journal_read(&exchange, &wanted, &again) == finding);
    REQUIRE(again.count == entry.count && again.code == entry.code &&
            again.sent_at.ms == entry.sent_at.ms && strcmp(again.id, entry.id) == 0);

    wide.msisdn = wide.text = NULL;
    wide.from.ms = 0;
    wide.until.ms = 253402300799999;
    enum bh_journal_finding more = bh_gateway_journal_read(&exchange, &wide, &again);
    check_entry(&again, more, &exchange, &wide);
    REQUIRE(again.count >= entry.count);
    REQUIRE((more == BH_JOURNAL_REFUSED) == (finding == BH_JOURNAL_REFUSED));

    finding = bh_gateway_journal_probe(&exchange, NULL, &entry);
    REQUIRE((finding == BH_JOURNAL_REFUSED) == (more == BH_JOURNAL_REFUSED));
    REQUIRE(finding != BH_JOURNAL_ABSENT || more == BH_JOURNAL_ABSENT);
    REQUIRE(finding != BH_JOURNAL_MORE && entry.count == 0);
    return 0;
}
