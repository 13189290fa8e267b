/*
 * diagnosis_print - show the lines of a diagnosis, for people or for machines.
 */
#ifndef BH_CLI_DIAGNOSIS_PRINT_H
#define BH_CLI_DIAGNOSIS_PRINT_H

#include "cli/cli.h"
#include "core/diagnosis.h"

/* Lines from *printed on, which moves behind the last; standard output is flushed.  BH_ENOMEM. */
enum bh_status bh_diagnosis_print(const struct bh_cli *cli, const struct bh_diagnosis *diagnosis,
                                  size_t *printed) BH_MUST_CHECK;

/* How many of each grade; `good`, `risky`, `bad` are the sentence's ends by the worst one, for people. */
void bh_diagnosis_print_summary(const struct bh_cli *cli, const struct bh_diagnosis *diagnosis,
                                const char *good, const char *risky, const char *bad);

#endif
