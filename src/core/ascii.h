/*
 * ascii - classes of ASCII characters, whatever the locale says.
 *
 * Bytes beyond ASCII belong to no class.
 */
#ifndef BH_CORE_ASCII_H
#define BH_CORE_ASCII_H

#include <stdbool.h>

static inline bool
bh_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
bh_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
bh_is_alnum(char c)
{
    return bh_is_digit(c) || bh_is_alpha(c);
}

/* 0..15, of a digit in either case; -1 when it is no hex digit. */
static inline int
bh_hex_value(char c)
{
    if (bh_is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static inline char
bh_to_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

#endif
