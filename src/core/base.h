/*
 * base - what every file may use: the result type, assertions, attributes.
 *
 * Three classes of failure, never mixed: a bug of ours is a BH_ASSERT (on in release too); trouble
 * in the environment is an enum bh_status; an answer of the domain ("refused", "expired") is a value.
 */
#ifndef BH_CORE_BASE_H
#define BH_CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The caller has to look at the result; outputs named ret_ are written only on BH_OK. */
#define BH_MUST_CHECK __attribute__((warn_unused_result))

#define BH_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

#define BH_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

enum bh_status {
    BH_OK = 0,
    BH_ENOMEM,  /* an allocation failed */
    BH_EINVAL,  /* the input breaks a rule; a struct bh_error says which */
    BH_ETOOBIG, /* over a bound that we set */
    BH_ENOTFOUND,
    BH_EIO,    /* file or socket trouble */
    BH_EPROTO, /* a peer answered something that its protocol does not allow */
    BH_EDOWN,  /* not connected at the moment */
    BH_ETIMEOUT,
};

/* A short English name, for logs. */
const char *bh_status_name(enum bh_status status);

/* Stop at once, with file, line and condition on standard error: an invariant of ours is broken. */
#define BH_ASSERT(condition)                                                                       \
    ((condition) ? (void)0 : bh_assert_failed(__FILE__, __LINE__, #condition))

_Noreturn void bh_assert_failed(const char *file, int line, const char *condition);

#endif
