/*
 * diagnosis - what an examination has found: lines with a grade, a topic, a sentence, and what to change.
 *
 * A list with a bound, and nothing that knows of printing.  Texts are cut at their bounds, and what does not fit into the
 * list is counted.  The rules that fill it are in diagnose_*.h; facts come from the callers.
 *
 * Whoever adds a line sees to it that no secret is in it.
 */
#ifndef BH_CORE_DIAGNOSIS_H
#define BH_CORE_DIAGNOSIS_H

#include "core/base.h"

enum bh_grade {
    BH_GRADE_OK,
    BH_GRADE_NOTE, /* could not be found out, or may matter */
    BH_GRADE_RISK, /* it works, but jobs can be lost or doubled, or it will not work for long */
    BH_GRADE_BAD,  /* it does not work, or a secret lies open */
};

#define BH_GRADE_COUNT (BH_GRADE_BAD + 1)

#define BH_DIAGNOSIS_LINES_MAX 192
#define BH_DIAGNOSIS_CURES_MAX 4
#define BH_DIAGNOSIS_FOUND_MAX 480
#define BH_DIAGNOSIS_CURE_MAX  320

struct bh_diagnosis_line {
    enum bh_grade grade;
    const char *topic;                                         /* a literal */
    char found[BH_DIAGNOSIS_FOUND_MAX];                        /* what was found: sentences */
    char cures[BH_DIAGNOSIS_CURES_MAX][BH_DIAGNOSIS_CURE_MAX]; /* lines to write or to run */
    size_t cures_count;
};

struct bh_diagnosis {
    struct bh_diagnosis_line lines[BH_DIAGNOSIS_LINES_MAX];
    size_t count;
    size_t left_out;               /* lines beyond the maximum */
    size_t counts[BH_GRADE_COUNT]; /* how many lines of each grade, those left out included */
};

/* "ok", "note", "risk", "bad" */
const char *bh_grade_name(enum bh_grade grade);

/* Add a line.  `topic` is a literal. */
void bh_diagnose(struct bh_diagnosis *diagnosis, enum bh_grade grade, const char *topic,
                 const char *format, ...) BH_PRINTF(4, 5);

/* Add what to change to the line that was added last; beyond the maximum nothing happens. */
void bh_diagnose_cure(struct bh_diagnosis *diagnosis, const char *format, ...) BH_PRINTF(2, 3);

#endif
