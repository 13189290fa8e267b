/*
 * file - whole files, up to a bound.
 */
#ifndef BH_CLI_FILE_H
#define BH_CLI_FILE_H

#include <bellhop/error.h>

#include "core/buf.h"

/*
 * Append the content of `path` ("-": standard input) to an initialised buffer, whose bound is the file's.
 * BH_ENOTFOUND, BH_EIO or BH_ETOOBIG with a sentence in *ret_error; BH_ENOMEM.
 */
enum bh_status bh_file_read(const char *path, struct bh_buf *buf,
                            struct bh_error *ret_error) BH_MUST_CHECK;

#endif
