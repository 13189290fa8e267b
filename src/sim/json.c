#include "sim/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "sim/encoding.h"

#define KEY_BYTES_MAX 512u

/*
 * cJSON accepts 1,000 levels, invalid UTF-8 and control bytes, and cuts strings at an escaped NUL.  This
 * scan refuses the first three, and the last too, as no parameter may contain one.
 */
static bool
is_sane(struct bh_sim_str text)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t at = 0; at < text.len; at++) {
        char c = text.ptr[at];
        if (quoted && (unsigned char)c < 0x20)
            return false;
        if (quoted && c == '\\') {
            if (text.len - at > 5 && memcmp(text.ptr + at, "\\u0000", 6) == 0)
                return false;
            at++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == '{' || c == '[')) {
            if (++depth > BH_SIM_JSON_DEPTH_MAX)
                return false;
        } else if (!quoted && (c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return bh_sim_utf8_is_valid(text);
}

static void
add_number(struct bh_sim_params *params, struct bh_sim_str key, double number)
{
    struct bh_sim_buf text = {0};
    if (isfinite(number)) {
        bool whole = number >= -9007199254740992.0 && number <= 9007199254740992.0 &&
                     number == (double)(int64_t)number;
        if (whole)
            bh_sim_buf_int(&text, (int64_t)number);
        else
            bh_sim_buf_printf(&text, "%.15g", number);
        bh_sim_params_add(params, key, bh_sim_buf_view(&text));
    }
    bh_sim_buf_release(&text);
}

static void
add_leaf(struct bh_sim_params *params, struct bh_sim_str key, const cJSON *node)
{
    if (cJSON_IsString(node))
        bh_sim_params_add(params, key, bh_sim_str_from(node->valuestring));
    else if (cJSON_IsNumber(node))
        add_number(params, key, node->valuedouble);
    else if (cJSON_IsTrue(node))
        bh_sim_params_add(params, key, BH_SIM_STR("1"));
    else if (cJSON_IsFalse(node))
        bh_sim_params_add(params, key, BH_SIM_STR("0"));
}

/* Depth is bounded by is_sane. */
static void
add_children(struct bh_sim_params *params, struct bh_sim_buf *path, const cJSON *parent)
{
    size_t before = path->len;
    size_t index = 0;
    for (const cJSON *child = parent->child; child != NULL; child = child->next, index++) {
        path->len = before;
        if (before > 0)
            bh_sim_buf_char(path, '[');
        if (child->string != NULL)
            bh_sim_buf_text(path, child->string);
        else
            bh_sim_buf_int(path, (int64_t)index);
        if (before > 0)
            bh_sim_buf_char(path, ']');
        if (path->len == 0 || path->len > KEY_BYTES_MAX)
            continue;
        if (cJSON_IsObject(child) || cJSON_IsArray(child))
            add_children(params, path, child);
        else
            add_leaf(params, bh_sim_buf_view(path), child);
    }
    path->len = before;
}

bool
bh_sim_json_add(struct bh_sim_params *params, struct bh_sim_str text)
{
    if (!is_sane(text))
        return false;
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, false);
    if (root == NULL)
        return false;
    struct bh_sim_str after = bh_sim_str_trim(bh_sim_str_tail(text, (size_t)(end - text.ptr)));
    bool fine = after.len == 0 && (cJSON_IsObject(root) || cJSON_IsArray(root));
    if (fine) {
        struct bh_sim_buf path = {0};
        add_children(params, &path, root);
        bh_sim_buf_release(&path);
    }
    cJSON_Delete(root);
    return fine;
}
