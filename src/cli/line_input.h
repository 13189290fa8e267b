/*
 * line_input - standard input, line by line, as it comes.
 */
#ifndef BH_CLI_LINE_INPUT_H
#define BH_CLI_LINE_INPUT_H

#include "cli/cli.h"
#include "core/str.h"

#define BH_JOB_ID_LINE_MAX ((size_t)4096)

/* One line, trimmed; empty ones are passed over.  Anything but BH_EXIT_DONE ends the reading. */
typedef enum bh_exit bh_line_input_on_line(void *arg, struct bh_str line);

/*
 * Everything that has come so far was handed over, and the next read may wait: a good moment to send what has
 * gathered.
 */
typedef enum bh_exit bh_line_input_on_idle(void *arg);

/*
 * Read to the end.  A line of more than `line_max` bytes ends it with a failure, which has been told.
 * `on_idle` may be NULL; it is called at the end too.
 */
enum bh_exit bh_line_input_each(size_t line_max, bh_line_input_on_line *on_line,
                                bh_line_input_on_idle *on_idle, void *arg) BH_MUST_CHECK;

#endif
