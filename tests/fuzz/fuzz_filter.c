/*
 * Terms with line feeds between them, and a job.  A term that was refused changes nothing; knowing more about a job
 * never brings back what was refused with less; what can be chosen has one of the states that were promised.
 */
#include <string.h>

#include "core/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Facts out of what has been read: they are no better than the terms. */
static struct bh_filter_facts
facts_from(struct bh_str text, size_t salt)
{
    struct bh_str half = {text.ptr, text.len / 2};
    uint32_t states = UINT32_C(1) << (salt % 15);
    if ((states & (BH_FILTER_FAILED | BH_FILTER_UNKNOWN | BH_FILTER_INVALID)) != 0)
        states |= BH_FILTER_DEAD;
    return (struct bh_filter_facts){
        .states = states,
        .reason = half,
        .queue = text,
        .id = half,
        .type = BH_STR_LITERAL("sms"),
        .to = text,
        .label = half,
        .from = text,
        .attempts = (int64_t)salt,
        .code = (int64_t)salt - 1,
        .age = (int64_t)(salt * 1000),
        .waits = salt % 2 == 0,
        .next = -(int64_t)salt,
    };
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_str text = {(const char *)bytes, len}, rest = text, term;
    struct bh_filter filter;
    bh_filter_init(&filter);
    while (bh_str_split(&rest, '\n', &term)) {
        struct bh_error error = {.text = ""};
        size_t before = filter.count;
        if (bh_filter_add(&filter, term, &error) == BH_OK) {
            BH_ASSERT(filter.count == before + 1 && bh_filter_is_term(term));
        } else {
            BH_ASSERT(filter.count == before && error.text[0] != '\0');
        }
    }
    struct bh_filter_facts facts = facts_from(text, len);
    bool refused = false;
    for (int field = 0; field < BH_FILTER_FIELDS; field++) {
        facts.known |= UINT32_C(1) << field;
        bool matches = bh_filter_matches(&filter, &facts);
        BH_ASSERT(!matches || !refused);
        refused = !matches;
    }
    BH_ASSERT(refused || (bh_filter_states(&filter) & facts.states) != 0);
    return 0;
}
