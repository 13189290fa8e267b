#include "http/access.h"

#include <stdio.h>
#include <string.h>

#include "core/digest.h"
#include "http/api_route.h"

/* ---- who has failed ------------------------------------------------------------------------------ */

static size_t
find_row(const struct bh_access_guard *guard, struct bh_str address)
{
    for (size_t i = 0; i < BH_ACCESS_ADDRESSES; i++) {
        if (bh_str_equal_text(address, guard->rows[i].address))
            return i;
    }
    return BH_ACCESS_ADDRESSES;
}

/* A row that nothing is held against any more is free. */
static size_t
take_row(struct bh_access_guard *guard, struct bh_str address, struct bh_mono now)
{
    size_t found = find_row(guard, address);
    for (size_t i = 0; i < BH_ACCESS_ADDRESSES && found == BH_ACCESS_ADDRESSES; i++) {
        struct bh_access_row *row = &guard->rows[i];
        if (row->address[0] != '\0' && !bh_mono_reached(row->clean_at, now))
            continue;
        snprintf(row->address, sizeof(row->address), "%.*s", BH_STR_ARGS(address));
        row->clean_at = now;
        found = i;
    }
    return found;
}

/* Each failure is held against an address for BH_ACCESS_TRY_MS longer. */
static void
note_failure(struct bh_access_guard *guard, struct bh_str address, struct bh_mono now)
{
    struct bh_access_row *row = &guard->rows[take_row(guard, address, now)];
    if (bh_mono_reached(row->clean_at, now))
        row->clean_at = now;
    row->clean_at = bh_mono_add(row->clean_at, BH_ACCESS_TRY_MS);
}

bh_ms
bh_access_wait(const struct bh_access_guard *guard, struct bh_str address, struct bh_mono now)
{
    const struct bh_access_row *row = &guard->rows[find_row(guard, address)];
    struct bh_mono open_at = bh_mono_add(row->clean_at, -(BH_ACCESS_TRIES - 1) * BH_ACCESS_TRY_MS);
    return bh_mono_reached(open_at, now) ? 0 : open_at.ms - now.ms;
}

/* ---- what is asked ------------------------------------------------------------------------------- */

static bool
read_bearer(struct bh_str header, struct bh_str *ret_token)
{
    static const struct bh_str scheme = {"Bearer ", 7};
    if (header.len < scheme.len ||
        !bh_str_equal_nocase((struct bh_str){header.ptr, scheme.len}, scheme))
        return false;
    *ret_token = bh_str_trim((struct bh_str){header.ptr + scheme.len, header.len - scheme.len});
    return true;
}

/* An origin is "SCHEME://HOST[:PORT]" or "null" (RFC 6454, 7). */
static bool
is_own_origin(struct bh_str origin, struct bh_str host)
{
    for (size_t i = 0; i + 3 <= origin.len; i++) {
        if (memcmp(origin.ptr + i, "://", 3) == 0)
            return bh_str_equal_nocase((struct bh_str){origin.ptr + i + 3, origin.len - i - 3},
                                       host);
    }
    return false;
}

static bool
is_json(struct bh_str type)
{
    struct bh_str rest = type, name = {"", 0}; /* a header that is not there is no text at all */
    bh_str_split(&rest, ';', &name);
    return bh_str_equal_nocase(bh_str_trim(name), BH_STR_LITERAL("application/json"));
}

static bool
is_foreign(const struct bh_http_request *request)
{
    if (request->method != BH_HTTP_POST)
        return false;
    if (request->fetch_site.len > 0 && !bh_str_equal_text(request->fetch_site, "same-origin") &&
        !bh_str_equal_text(request->fetch_site, "none"))
        return true;
    if (request->origin.len > 0 && !is_own_origin(request->origin, request->host))
        return true;
    return !is_json(request->content_type);
}

enum bh_access
bh_access_judge(struct bh_access_guard *guard, const struct bh_http_request *request,
                struct bh_str token, struct bh_mono now)
{
    struct bh_str shown;
    if (is_foreign(request))
        return BH_ACCESS_FOREIGN;
    if (request->authorization.len == 0)
        return BH_ACCESS_STRANGER;
    if (bh_access_wait(guard, request->address, now) > 0)
        return BH_ACCESS_SLOWED;
    if (token.len > 0 && read_bearer(request->authorization, &shown) &&
        bh_secret_equal(shown, token))
        return BH_ACCESS_ADMIN;
    note_failure(guard, request->address, now);
    return BH_ACCESS_WRONG;
}

enum bh_access
bh_access_judge_look(struct bh_access_guard *guard, const struct bh_http_request *request,
                     struct bh_str token, struct bh_str listen_host, struct bh_mono now)
{
    enum bh_access access = bh_access_judge(guard, request, token, now);
    if (access != BH_ACCESS_STRANGER)
        return access;
    if (!request->is_local)
        return BH_ACCESS_AFAR;
    if (request->host.len > 0 && !bh_api_is_own_host(request->host, listen_host))
        return BH_ACCESS_MISNAMED;
    return BH_ACCESS_STRANGER;
}
