/*
 * http_url - does a text have the form of an http or https URL that we may post to?
 *
 * Stricter than RFC 3986, since the URL comes from strangers and is compared with allowed prefixes:
 *   - scheme http or https, a host of letters, digits, dots and hyphens, or an IPv6 address in brackets, an
 *     optional port from 1 to 65535, then nothing or a path or a query;
 *   - no user name or password: "https://good.example@evil.example/" is a request to evil.example;
 *   - no fragment, which never travels, and no backslash, which some readers take for a slash;
 *   - printable ASCII without blanks: names beyond ASCII are written in their xn-- form, other bytes as %XX.
 */
#ifndef BH_CORE_HTTP_URL_H
#define BH_CORE_HTTP_URL_H

#include "core/str.h"

#define BH_HTTP_URL_MAX 2048

/* NULL when it is fine, else the rule that it breaks, as the end of a sentence: "must not ...". */
const char *bh_http_url_problem(struct bh_str url);

#endif
