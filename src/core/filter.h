/*
 * filter - which jobs somebody means: "state=retrying code=600 age>10m to~4917*".
 *
 * Pure.  A filter is a list of terms FIELD OPERATOR VALUE, all of which must hold; = and != take several values with
 * commas between them ("any of" and "none of").  ~ compares with a pattern in which * stands for any run of
 * characters.  > >= < <= compare numbers (code, attempts) and durations (age, next).
 *
 * What is known about a job becomes known in steps, the cheap ones first: its record, its status, its payload.  A
 * term about something that is not known yet is passed over; so a job that a filter refuses early needs no
 * further look, and the answer counts when all that bh_filter_needs names is known.
 *
 * A filter borrows from the texts of its terms.
 */
#ifndef BH_CORE_FILTER_H
#define BH_CORE_FILTER_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"

#define BH_FILTER_TERMS_MAX  16
#define BH_FILTER_VALUES_MAX 16 /* of one term */
#define BH_FILTER_VALUE_MAX  128

/*
 * Where a job stands, as a bit each; a job may have several: one that waits for evidence is `retrying` and
 * `uncertain`, all in the dead set are `dead` as well.
 */
enum bh_filter_state {
    BH_FILTER_READY = 1 << 0,     /* waits in the line and was never tried */
    BH_FILTER_SCHEDULED = 1 << 1, /* for its delay */
    BH_FILTER_RETRYING = 1 << 2,
    BH_FILTER_HELD = 1 << 3,
    BH_FILTER_SENDING = 1 << 4, /* also `inflight` */
    BH_FILTER_UNCERTAIN = 1 << 5,
    BH_FILTER_DEAD = 1 << 6,
    BH_FILTER_FAILED = 1 << 7, /* this and the next two lie in the dead set */
    BH_FILTER_UNKNOWN = 1 << 8,
    BH_FILTER_INVALID = 1 << 9,
    BH_FILTER_SENT = 1 << 10, /* from here on only a status is left */
    BH_FILTER_PARTIAL = 1 << 11,
    BH_FILTER_EXPIRED = 1 << 12,
    BH_FILTER_CANCELLED = 1 << 13,
    BH_FILTER_DUPLICATE = 1 << 14,
};

#define BH_FILTER_STATES_ALL   ((1U << 15) - 1)
#define BH_FILTER_STATES_ENDED (BH_FILTER_STATES_ALL & ~((1U << 10) - 1U))

enum bh_filter_field {
    BH_FILTER_STATE,
    BH_FILTER_REASON,
    BH_FILTER_QUEUE,
    BH_FILTER_ID,
    BH_FILTER_ATTEMPTS,
    BH_FILTER_AGE,  /* since it was created */
    BH_FILTER_NEXT, /* until its next try; only of jobs that wait for a time */
    BH_FILTER_TYPE,
    BH_FILTER_TO, /* any of its recipients; numbers in any of the usual forms */
    BH_FILTER_LABEL,
    BH_FILTER_CODE, /* the gateway's last */
    BH_FILTER_FROM,
};

#define BH_FILTER_FIELDS (BH_FILTER_FROM + 1)

/* What is known about a job. */
struct bh_filter_facts {
    uint32_t known;  /* bits 1 << enum bh_filter_field */
    uint32_t states; /* bits of enum bh_filter_state */
    struct bh_str reason, queue, id, type, label, from;
    struct bh_str to; /* with commas between several */
    int64_t attempts;
    int64_t code; /* below 0: none */
    bh_ms age;    /* below 0: not known to anybody */
    bool waits;   /* for a time; else `next` means nothing */
    bh_ms next;   /* below 0: overdue */
};

/* Private to filter.c. */
struct bh_filter_term {
    enum bh_filter_field field;
    int operator;
    size_t count;
    struct bh_str values[BH_FILTER_VALUES_MAX];
    int64_t number;
    uint32_t states;
};

struct bh_filter {
    struct bh_filter_term terms[BH_FILTER_TERMS_MAX];
    size_t count;
};

/* It has an operator, so it is meant as a term; no id of a job has one. */
bool bh_filter_is_term(struct bh_str text);

void bh_filter_init(struct bh_filter *filter);

/*
 * Read one more term, whose text is borrowed.  BH_EINVAL: *ret_error names it and what is allowed; the filter is as
 * it was.
 */
enum bh_status bh_filter_add(struct bh_filter *filter, struct bh_str term,
                             struct bh_error *ret_error) BH_MUST_CHECK;

/* Bits 1 << field of all that its terms are about. */
uint32_t bh_filter_needs(const struct bh_filter *filter);

/* The states that a job may be in to be chosen; without terms about the state all of them. */
uint32_t bh_filter_states(const struct bh_filter *filter);

/* The states that are asked for by name (state=...); 0: none. */
uint32_t bh_filter_states_named(const struct bh_filter *filter);

/* Whether all terms about what is known hold. */
bool bh_filter_matches(const struct bh_filter *filter, const struct bh_filter_facts *facts);

/* "retrying"; of several bits the most telling one: `uncertain` before `retrying`, `failed` before `dead`. */
const char *bh_filter_state_name(uint32_t states);

/* The bit of a state's word in a status hash; 0: this version does not know it. */
uint32_t bh_filter_state_bit(struct bh_str word);

/* The name of the field number `field`, as a term begins with it; NULL from BH_FILTER_FIELDS on. */
const char *bh_filter_field_name(int field);

#endif
