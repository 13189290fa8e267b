#include "core/diagnosis.h"

#include <stdarg.h>
#include <stdio.h>

const char *
bh_grade_name(enum bh_grade grade)
{
    static const char *const names[] = {
        [BH_GRADE_OK] = "ok",
        [BH_GRADE_NOTE] = "note",
        [BH_GRADE_RISK] = "risk",
        [BH_GRADE_BAD] = "bad",
    };
    return names[grade];
}

void
bh_diagnose(struct bh_diagnosis *diagnosis, enum bh_grade grade, const char *topic,
            const char *format, ...)
{
    diagnosis->counts[grade]++;
    if (diagnosis->count == BH_DIAGNOSIS_LINES_MAX) {
        diagnosis->left_out++;
        return;
    }
    struct bh_diagnosis_line *line = &diagnosis->lines[diagnosis->count++];
    line->grade = grade;
    line->topic = topic;
    line->cures_count = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(line->found, sizeof(line->found), format, args);
    va_end(args);
}

void
bh_diagnose_cure(struct bh_diagnosis *diagnosis, const char *format, ...)
{
    if (diagnosis->count == 0 || diagnosis->left_out > 0)
        return;
    struct bh_diagnosis_line *line = &diagnosis->lines[diagnosis->count - 1];
    if (line->cures_count == BH_DIAGNOSIS_CURES_MAX)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(line->cures[line->cures_count++], BH_DIAGNOSIS_CURE_MAX, format, args);
    va_end(args);
}
