/*
 * terminal - the screen of a program that draws all of it: keys in, frames out, and the terminal as it was when it ends.
 *
 * Own sequences instead of a library: a handful that every terminal since the VT220 knows.  Signals become events, so that
 * nothing is done in a handler; whoever is stopped (SIGTSTP) or ended gives the terminal back first.
 *
 * One per process.
 */
#ifndef BH_CLI_TERMINAL_H
#define BH_CLI_TERMINAL_H

#include "cli/cli.h"
#include "cli/display.h"
#include "core/buf.h"

struct bh_terminal; /* of terminal.c */

enum bh_terminal_event {
    BH_TERMINAL_NOTHING, /* the time is up, or somebody called wake */
    BH_TERMINAL_KEY,
    BH_TERMINAL_RESIZED, /* or shown again: draw everything */
    BH_TERMINAL_END,     /* a signal, or the terminal is gone */
};

/* Keys beyond what a byte says. */
enum bh_terminal_key {
    BH_TERMINAL_UP = 256,
    BH_TERMINAL_DOWN,
    BH_TERMINAL_ESCAPE,
    BH_TERMINAL_OTHER, /* a sequence that means nothing here */
};

/* Needs a terminal at standard input and output.  On failure the person has been told. */
enum bh_exit bh_terminal_open(struct bh_terminal **ret_terminal) BH_MUST_CHECK;

/* Give the screen back already; only closing follows. */
void bh_terminal_leave(struct bh_terminal *terminal);

/* As it was.  NULL is fine. */
void bh_terminal_close(struct bh_terminal *terminal);

/* Wait at most `timeout_ms` for something; *ret_key with KEY. */
enum bh_terminal_event bh_terminal_wait(struct bh_terminal *terminal, int timeout_ms, int *ret_key);

/* End the wait, from another thread. */
void bh_terminal_wake(struct bh_terminal *terminal);

/* ---- Frames ---- */

/* A frame that is being drawn: lines from the top.  What does not fit is not drawn. */
struct bh_frame {
    struct bh_buf bytes;
    size_t columns, rows; /* 1 at least */
    size_t row;           /* the next line */
};

/* In the size that the terminal has now. */
void bh_frame_begin(struct bh_frame *frame, const struct bh_terminal *terminal);

/* One line, cut at the last column.  The text must be harmless (bh_display_append). */
void bh_frame_line(struct bh_frame *frame, enum bh_style style, bool reverse, const char *text);

/* The same over as many lines as it needs, at most `rows_max`. */
void bh_frame_text(struct bh_frame *frame, enum bh_style style, size_t rows_max, const char *text);

/* Empty lines up to the last `left` ones. */
void bh_frame_fill(struct bh_frame *frame, size_t left);

/* Write it, in one go, and release it.  False: the terminal is gone. */
bool bh_frame_end(struct bh_frame *frame) BH_MUST_CHECK;

#endif
