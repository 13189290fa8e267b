/*
 * base - memory, views and growing buffers of the simulator.
 *
 * The simulator shares no code with the worker, so that a mistake in one cannot hide in the other;
 * these few lines are the price.  Running out of memory ends the program with a message: everything
 * that a stranger can make grow is bounded, so it means that the machine is too small for the
 * bounds that were configured, and a simulator that drops things silently would be worse.
 */
#ifndef BH_SIM_BASE_H
#define BH_SIM_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BH_SIM_ARRAY_LEN(array)           (sizeof(array) / sizeof((array)[0]))
#define BH_SIM_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

/* Borrowed bytes; no terminator promised. */
struct bh_sim_str {
    const char *ptr;
    size_t len;
};

#define BH_SIM_STR(literal)   ((struct bh_sim_str){(literal), sizeof(literal) - 1})
#define BH_SIM_STR_ARGS(view) (int)(view).len, (view).ptr
#define BH_SIM_STR_EMPTY      ((struct bh_sim_str){"", 0})

/* Bytes that grow; a NUL that is not counted always follows once something was appended. */
struct bh_sim_buf {
    char *ptr; /* owned */
    size_t len;
    size_t capacity;
};

/* Never NULL: the program ends when memory is short.  `size` may be 0. */
void *bh_sim_alloc(size_t size);
void *bh_sim_alloc_zero(size_t size);
void *bh_sim_realloc(void *ptr, size_t size);
char *bh_sim_strndup(const char *text, size_t len);

struct bh_sim_str bh_sim_str_from(const char *text); /* NULL gives the empty view */
bool bh_sim_str_equal(struct bh_sim_str a, struct bh_sim_str b);
bool bh_sim_str_is(struct bh_sim_str a, const char *text);
bool bh_sim_str_is_nocase(struct bh_sim_str a, const char *text); /* ASCII */
bool bh_sim_str_starts(struct bh_sim_str a, const char *prefix);
bool bh_sim_str_contains(struct bh_sim_str a,
                         struct bh_sim_str needle);     /* the empty needle is contained */
struct bh_sim_str bh_sim_str_trim(struct bh_sim_str a); /* blanks and line ends at both ends */
struct bh_sim_str bh_sim_str_tail(struct bh_sim_str a,
                                  size_t from); /* `from` may lie behind the end */

/* Cut the piece before the next `separator` off *rest.  False when *rest has a NULL pointer: used up. */
bool bh_sim_str_split(struct bh_sim_str *rest, char separator, struct bh_sim_str *ret_piece);

/* 0..15, of a digit in either case; -1 when it is no hex digit. */
int bh_sim_hex_value(char c);

/* The whole view is a decimal number, sign allowed, no overflow. */
bool bh_sim_str_to_int(struct bh_sim_str a, int64_t *ret_value);

/* A 64-bit hash, not meant against adversaries: the simulator's clients are tests. */
uint64_t bh_sim_hash(struct bh_sim_str a, uint64_t seed);

void bh_sim_buf_release(struct bh_sim_buf *buf);
void bh_sim_buf_reserve(struct bh_sim_buf *buf, size_t extra);
void bh_sim_buf_append(struct bh_sim_buf *buf, const void *bytes, size_t len);
void bh_sim_buf_str(struct bh_sim_buf *buf, struct bh_sim_str view);
void bh_sim_buf_text(struct bh_sim_buf *buf, const char *text);
void bh_sim_buf_char(struct bh_sim_buf *buf, char c);
void bh_sim_buf_int(struct bh_sim_buf *buf, int64_t value);
void bh_sim_buf_printf(struct bh_sim_buf *buf, const char *format, ...) BH_SIM_PRINTF(2, 3);
struct bh_sim_str bh_sim_buf_view(const struct bh_sim_buf *buf);

/* A splitmix64 generator: equal seeds give equal dice on every machine. */
uint64_t bh_sim_dice_next(uint64_t *state);
double bh_sim_dice_unit(uint64_t *state); /* 0 <= x < 1 */

#endif
