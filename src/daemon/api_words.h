/*
 * api_words - what strangers and people wrote, as it may be shown: whole to the administrator, and to others without
 * what may be somebody's number.
 */
#ifndef BH_DAEMON_API_WORDS_H
#define BH_DAEMON_API_WORDS_H

#include "core/json.h"
#include "core/str.h"

/* A status hash's recipients, masked unless the administrator asks; and how many there are. */
void bh_api_put_recipients(struct bh_json_writer *writer, struct bh_str to, bool admin);

/* A text of the gateway or of ours; long runs of digits are hidden unless the administrator asks. */
void bh_api_put_words(struct bh_json_writer *writer, const char *name, struct bh_str text,
                      bool admin);

/* The same into `hidden`, as much as there is room for. */
void bh_api_hide(struct bh_str text, char *hidden, size_t size);

#endif
