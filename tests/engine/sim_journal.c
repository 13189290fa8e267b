#include "engine/sim_journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
chance(struct sim_journal *journal, unsigned per_mille)
{
    return bh_dice_below(journal->dice, 1000) < per_mille;
}

void
sim_journal_note(struct sim_journal *journal, const struct sim_entry *entry)
{
    BH_ASSERT(journal->count < SIM_ENTRIES_MAX);
    struct sim_entry *copy = &journal->entries[journal->count++];
    *copy = *entry;
    copy->seen_at = entry->at;
    if (journal->lag_ms > 0)
        copy->seen_at += (int64_t)bh_dice_below(journal->dice, (uint64_t)journal->lag_ms);
}

static void
write_entry(const struct sim_entry *entry, unsigned id, const struct bh_zone *zone,
            struct sim_page *page, size_t *len)
{
    struct bh_datetime at = bh_zone_to_local(zone, (struct bh_wall){entry->at});
    int written =
        snprintf(page->body + *len, sizeof(page->body) - *len,
                 "%s{\"id\":\"%u\",\"to\":\"%llu\",\"foreign_id\":\"%s\",\"text\":\"t\","
                 "\"price\":\"0.0750\",\"dlr\":null,"
                 "\"timestamp\":\"%04d-%02u-%02u %02u:%02u:%02u.%03u\"}",
                 page->body[*len - 1] == '[' ? "" : ",", id, entry->number, entry->foreign_id,
                 at.year, at.month, at.day, at.hour, at.minute, at.second, at.millisecond);
    BH_ASSERT(written > 0 && (size_t)written < sizeof(page->body) - *len);
    *len += (size_t)written;
}

static void
write_entries(struct sim_journal *journal, unsigned long long number, unsigned job, int64_t now,
              const struct bh_zone *zone, struct sim_page *page)
{
    size_t len = 1;
    page->body[0] = '[';
    for (unsigned i = journal->count; i-- > 0;) {
        const struct sim_entry *entry = &journal->entries[i];
        if (entry->seen_at > now || (number != 0 && entry->number != number))
            continue;
        write_entry(entry, i + 1, zone, page, &len);
        if (entry->job == job) {
            page->shows[entry->person] = true;
            journal->shown++;
        }
    }
    snprintf(page->body + len, sizeof(page->body) - len, "]");
}

/* False: the answer is another than the entries. */
static bool
is_well_answered(struct sim_journal *journal, bool key_refused, struct sim_page *page)
{
    static const enum bh_trouble troubles[] = {BH_TROUBLE_CONNECT, BH_TROUBLE_RESET,
                                               BH_TROUBLE_TIMEOUT};
    struct bh_exchange *exchange = &page->exchange;
    if (journal->has_faults && chance(journal, 80)) {
        exchange->http_status = 0;
        exchange->trouble = troubles[bh_dice_below(journal->dice, BH_ARRAY_LEN(troubles))];
        if (exchange->trouble == BH_TROUBLE_CONNECT)
            exchange->handed_over = BH_HANDED_NOTHING;
        page->is_lost = exchange->trouble == BH_TROUBLE_TIMEOUT;
        exchange->headers_complete = exchange->body_complete = false;
        return false;
    }
    if (journal->has_faults && chance(journal, 60)) {
        exchange->http_status = chance(journal, 500) ? 500 : 429;
        return false;
    }
    const char *body = NULL;
    if (key_refused)
        body = "900";
    else if (journal->refuses)
        body = "902";
    else if (journal->has_faults && chance(journal, 40))
        body = "<html>";
    if (body != NULL)
        snprintf(page->body, sizeof(page->body), "%s", body);
    return body == NULL;
}

void
sim_journal_answer(struct sim_journal *journal, const char *url, unsigned job, int64_t now,
                   const struct bh_zone *zone, bool key_refused, struct sim_page *ret_page)
{
    const char *to = strstr(url, "&to=");
    unsigned long long number = to != NULL ? strtoull(to + 4, NULL, 10) : 0;
    memset(ret_page, 0, sizeof(*ret_page));
    ret_page->exchange = (struct bh_exchange){
        .handed_over = BH_HANDED_ALL,
        .http_status = 200,
        .headers_complete = true,
        .body_complete = true,
        .retry_after_ms = -1,
    };
    journal->asked++;
    BH_ASSERT(strstr(url, "/journal/outbound?") != NULL && strstr(url, "offset=0") != NULL);
    if (is_well_answered(journal, key_refused, ret_page))
        write_entries(journal, number, job, now, zone, ret_page);
    ret_page->exchange.body = bh_str_from(ret_page->body);
}
