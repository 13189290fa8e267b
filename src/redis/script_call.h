/*
 * script_call - calling a script that Redis may not know, or not any more.
 *
 * Scripts are called by digest (EVALSHA).  A server that was restarted, flushed or replaced answers NOSCRIPT, and has
 * run nothing; then it is given the text (SCRIPT LOAD) and asked the same once more.  Not a third time: a server that
 * has forgotten the script again, or does not let us load it, would be asked forever.  Then NOSCRIPT is the answer.
 *
 * Three levels: the decision alone (bh_script_is_unknown), for who waits for each reply; the decision and the teaching
 * (bh_script_teach), for who writes his call anew each time; and struct bh_script_call, which does it all.
 *
 * Nothing is repeated here but after NOSCRIPT: after a lost reply the caller decides.
 */
#ifndef BH_REDIS_SCRIPT_CALL_H
#define BH_REDIS_SCRIPT_CALL_H

#include "core/base.h"
#include "redis/call.h"
#include "redis/connection.h"
#include "redis/scripts.h"

/* An error reply that says that Redis does not know the script.  NULL is none. */
bool bh_script_is_unknown(const struct redisReply *reply);

/* SCRIPT LOAD.  Statuses and `on_reply` as for bh_redis_connection_send. */
enum bh_status bh_script_load(struct bh_redis_connection *connection, enum bh_script_id script,
                              bh_redis_on_reply *on_reply, void *arg) BH_MUST_CHECK;

/* EVALSHA of what the call has gathered; it is copied.  Statuses and `on_reply` as for bh_redis_connection_send. */
enum bh_status bh_script_send(struct bh_redis_connection *connection, struct bh_call *call,
                              bh_redis_on_reply *on_reply, void *arg) BH_MUST_CHECK;

/*
 * What `reply`, the answer to a call of `script`, asks for.  True: Redis does not know the script, and the text is on
 * its way to it; send the call again now, on this connection, that it goes right behind.  *taught is set: once for
 * each call.  False: take the reply as the answer.
 *
 * `on_load` gets what Redis says to the text; NULL: nobody wants to know, because the repeated call tells as well.
 */
bool bh_script_teach(struct bh_redis_connection *connection, enum bh_script_id script,
                     const struct redisReply *reply, bool *taught, bh_redis_on_reply *on_load,
                     void *arg) BH_MUST_CHECK;

/* One call from its first argument to its answer.  A zeroed one is valid; it must stay where it is while under way. */
struct bh_script_call {
    struct bh_redis_connection *connection; /* borrowed until the answer */
    struct bh_call call;                    /* owned; kept for the repetition */
    bool taught;
    bh_redis_on_reply *on_reply;
    void *arg;
};

/* Begin a call, in place of the one before; what is returned takes keys and arguments.  Not while one is under way. */
struct bh_call *bh_script_call_begin(struct bh_script_call *call,
                                     struct bh_redis_connection *connection,
                                     enum bh_script_id script);

/*
 * Send what was begun, once.  `on_reply` is called once, from the loop and never from within, with the last reply or
 * NULL as by bh_redis_connection_send; inside it the call may be begun anew or released.
 * Statuses as of bh_redis_connection_send: nothing was sent, and no answer will come.
 */
enum bh_status bh_script_call_send(struct bh_script_call *call, bh_redis_on_reply *on_reply,
                                   void *arg) BH_MUST_CHECK;

/* Not while under way. */
void bh_script_call_release(struct bh_script_call *call);

#endif
