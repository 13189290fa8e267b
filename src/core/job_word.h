/*
 * job_word - the words that name a job: its id, its label, its foreign_id.
 */
#ifndef BH_CORE_JOB_WORD_H
#define BH_CORE_JOB_WORD_H

#include "core/base.h"
#include "core/str.h"

/*
 * 1 to `max` of the characters A-Z a-z 0-9 . _ @ - which are those that the gateway's SMS page allows in
 * `label` and `foreign_id`, and we in `id`.
 */
bool bh_job_is_word(struct bh_str text, size_t max);

#endif
