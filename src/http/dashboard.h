/*
 * dashboard - the page at "/" and its parts, as they are compiled in from src/http/dashboard/.
 *
 * Nothing of it comes from elsewhere, and its policy lets the browser ask nobody but this server: a value that was
 * written by a stranger could not become a program even if the page made a mistake.
 */
#ifndef BH_HTTP_DASHBOARD_H
#define BH_HTTP_DASHBOARD_H

#include "http/api_route.h"
#include "http/server.h"

struct bh_http_asset {
    struct bh_str bytes;
    const char *etag; /* quoted */
};

/* In the order of enum bh_api_kind from BH_API_PAGE on; made by the build. */
extern const struct bh_http_asset bh_dashboard_assets[];

/* Answer a request for BH_API_PAGE, BH_API_SCRIPT, BH_API_STYLE or BH_API_ICON. */
void bh_dashboard_answer(enum bh_api_kind kind, const struct bh_http_request *request,
                         struct bh_http_answer *ret_answer);

/* Whether the browser has it already: If-None-Match names `etag` (RFC 9110, 13.1.2). */
bool bh_http_has_etag(struct bh_str if_none_match, const char *etag);

#endif
