/*
 * http_date - dates of HTTP headers, and what Retry-After says.
 */
#ifndef BH_CORE_HTTP_DATE_H
#define BH_CORE_HTTP_DATE_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"

/* A longer wait than this is cut to it: nobody means it, and a wrong date must not stop us for years. */
#define BH_RETRY_AFTER_MAX_MS BH_DAY_MS

/*
 * Read one of the three forms of RFC 9110, section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", the obsolete
 * "Sunday, 06-Nov-94 08:49:37 GMT" and "Sun Nov  6 08:49:37 1994".  The day's name has to be one but is
 * not compared with the date.  A two-digit year is taken as 1970 to 2069.  A leap second counts as :59.
 */
bool bh_http_date_parse(struct bh_str text, struct bh_wall *ret_date);

/*
 * Read the value of Retry-After: seconds or a date (RFC 9110, section 10.2.3).  `now` should be the answer's
 * own Date, so that a wrong clock on either side does no harm.  A date that is over gives 0.
 * At most BH_RETRY_AFTER_MAX_MS.
 */
bool bh_retry_after_parse(struct bh_str text, struct bh_wall now, bh_ms *ret_delay_ms);

#endif
