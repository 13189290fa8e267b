/*
 * params - the parameters of a request, merged from query, form and JSON as PHP does it.
 *
 * Nested values are flat: {"files":[{"name":"a"}]} and files[0][name]=a are both "files[0][name]".  A
 * key that ends in "[]" gets the next free number.  Of equal keys the last added wins, so a body that
 * is added after the query overrides it.  More than BH_SIM_PARAMS_MAX are ignored, as PHP does
 * (max_input_vars), and marked.
 */
#ifndef BH_SIM_PARAMS_H
#define BH_SIM_PARAMS_H

#include "sim/base.h"

#define BH_SIM_PARAMS_MAX 1000

struct bh_sim_param {
    size_t key_at, key_len; /* in the arena, which may move */
    size_t value_at, value_len;
};

struct bh_sim_params {
    struct bh_sim_buf arena;    /* owned */
    struct bh_sim_param *items; /* owned */
    size_t count;
    size_t capacity;
    bool overflowed;
};

void bh_sim_params_release(struct bh_sim_params *params);
void bh_sim_params_clear(struct bh_sim_params *params);

/* Values are copied. */
void bh_sim_params_add(struct bh_sim_params *params, struct bh_sim_str key,
                       struct bh_sim_str value);

/* application/x-www-form-urlencoded; a bad escape stays as it is written, as in PHP. */
void bh_sim_params_add_form(struct bh_sim_params *params, struct bh_sim_str text);

/* multipart/form-data as far as fields go; file names are ignored, contents become values. */
void bh_sim_params_add_multipart(struct bh_sim_params *params, struct bh_sim_str content_type,
                                 struct bh_sim_str body);

struct bh_sim_str bh_sim_params_key(const struct bh_sim_params *params, size_t at);
struct bh_sim_str bh_sim_params_value(const struct bh_sim_params *params, size_t at);

/* The last value of that name. */
bool bh_sim_params_get(const struct bh_sim_params *params, const char *name,
                       struct bh_sim_str *ret_value);

/* The value, or the empty view. */
struct bh_sim_str bh_sim_params_text(const struct bh_sim_params *params, const char *name);

/* 1, "1" and true are true in the vendor's libraries; everything else is false. */
bool bh_sim_params_flag(const struct bh_sim_params *params, const char *name);

/* Append the list name[...] joined by commas, or the plain value when there is no list.  False: neither. */
bool bh_sim_params_joined(const struct bh_sim_params *params, const char *name,
                          struct bh_sim_buf *buf);

#endif
