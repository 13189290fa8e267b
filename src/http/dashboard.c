#include "http/dashboard.h"

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for "
    "'script'; "
    "trusted-types 'none'";

bool
bh_http_has_etag(struct bh_str if_none_match, const char *etag)
{
    struct bh_str rest = if_none_match, piece;
    while (bh_str_split(&rest, ',', &piece)) {
        struct bh_str tag = bh_str_trim(piece);
        if (bh_str_starts_with(tag, BH_STR_LITERAL("W/")))
            tag = (struct bh_str){tag.ptr + 2, tag.len - 2};
        if (bh_str_equal_text(tag, etag) || bh_str_equal_text(tag, "*"))
            return true;
    }
    return false;
}

void
bh_dashboard_answer(enum bh_api_kind kind, const struct bh_http_request *request,
                    struct bh_http_answer *ret_answer)
{
    static const char *const types[] = {"text/html; charset=utf-8",
                                        "text/javascript; charset=utf-8", "text/css; charset=utf-8",
                                        "image/svg+xml"};
    size_t at = (size_t)(kind - BH_API_PAGE);
    const struct bh_http_asset *asset = &bh_dashboard_assets[at];
    ret_answer->content_type = types[at];
    ret_answer->content_policy = policy;
    ret_answer->etag = asset->etag;
    if (bh_http_has_etag(request->if_none_match, asset->etag)) {
        ret_answer->status = 304;
        return;
    }
    ret_answer->status = 200;
    (void)bh_buf_append_str(&ret_answer->body, asset->bytes);
}
