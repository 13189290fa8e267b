#include "gateway/transport.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "gateway/transport_internal.h"

#define DEFAULT_MAX_CONNECTIONS         16
#define DEFAULT_REQUESTS_PER_CONNECTION 500
#define DEFAULT_CONNECT_TIMEOUT_MS      5000
#define DEFAULT_IDLE_MS                 2000
#define DEFAULT_ANSWER_BYTES_MAX        ((size_t)1024 * 1024)

/* ---- the process ----------------------------------------------------------------------------------- */

static void *
library_calloc(size_t count, size_t size)
{
    return bh_alloc_array(count, size);
}

enum bh_status
bh_gateway_transport_global_init(void)
{
    CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, bh_alloc, bh_free, bh_realloc,
                                         bh_strdup, library_calloc);
    return code == CURLE_OK ? BH_OK : BH_ENOMEM;
}

void
bh_gateway_transport_global_release(void)
{
    curl_global_cleanup();
}

/* ---- options ----------------------------------------------------------------------------------------- */

static void
free_options(struct bh_gateway_transport_options *options)
{
    /* They are copies of ours; the type says const for those who fill it in. */
    bh_free((void *)(uintptr_t)options->ca_file);
    bh_free((void *)(uintptr_t)options->proxy);
    *options = (struct bh_gateway_transport_options){0};
}

static bool
copy_text(const char *text, const char **ret_copy)
{
    *ret_copy = NULL;
    if (text == NULL || text[0] == '\0')
        return true;
    *ret_copy = bh_strdup(text);
    return *ret_copy != NULL;
}

/* A whole copy with the defaults filled in. */
static enum bh_status
copy_options(const struct bh_gateway_transport_options *options,
             struct bh_gateway_transport_options *ret_copy)
{
    struct bh_gateway_transport_options copy = *options;
    if (copy.max_connections == 0)
        copy.max_connections = DEFAULT_MAX_CONNECTIONS;
    if (copy.requests_per_connection == 0)
        copy.requests_per_connection = DEFAULT_REQUESTS_PER_CONNECTION;
    if (copy.connect_timeout_ms <= 0)
        copy.connect_timeout_ms = DEFAULT_CONNECT_TIMEOUT_MS;
    if (copy.idle_ms <= 0)
        copy.idle_ms = DEFAULT_IDLE_MS;
    if (copy.answer_bytes_max == 0)
        copy.answer_bytes_max = DEFAULT_ANSWER_BYTES_MAX;
    copy.proxy = NULL;
    if (!copy_text(options->ca_file, &copy.ca_file) || !copy_text(options->proxy, &copy.proxy)) {
        free_options(&copy);
        return BH_ENOMEM;
    }
    *ret_copy = copy;
    return BH_OK;
}

enum bh_status
bh_gateway_transport_configure(struct bh_gateway_transport *transport,
                               const struct bh_gateway_transport_options *options)
{
    struct bh_gateway_transport_options copy;
    enum bh_status status = copy_options(options, &copy);
    if (status != BH_OK)
        return status;
    free_options(&transport->options);
    transport->options = copy;
    transport->options_version++;
    if (transport->multi != NULL)
        curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS, (long)copy.max_connections);
    bh_gateway_transport_do_later(transport); /* more may fit in now */
    return BH_OK;
}

/* ---- the line of waiting requests ---------------------------------------------------------------- */

static void
line_append(struct bh_gateway_transport *transport, struct bh_gateway_sending *request)
{
    request->next = NULL;
    if (transport->waiting_last != NULL)
        transport->waiting_last->next = request;
    else
        transport->waiting_first = request;
    transport->waiting_last = request;
    transport->stats.waiting++;
}

static void
line_remove(struct bh_gateway_transport *transport, struct bh_gateway_sending *request)
{
    struct bh_gateway_sending *before = NULL, *at = transport->waiting_first;
    while (at != request) {
        BH_ASSERT(at != NULL);
        before = at;
        at = at->next;
    }
    if (before != NULL)
        before->next = request->next;
    else
        transport->waiting_first = request->next;
    if (transport->waiting_last == request)
        transport->waiting_last = before;
    request->next = NULL;
    transport->stats.waiting--;
}

/* ---- beginning and ending ------------------------------------------------------------------------ */

static void
fail(struct bh_gateway_sending *request)
{
    request->state = BH_SENDING_FAILED;
    if (request->doom == BH_TROUBLE_NONE)
        request->doom = BH_TROUBLE_INTERNAL;
    bh_gateway_transport_do_later(request->transport);
}

static void
begin(struct bh_gateway_sending *request)
{
    struct bh_gateway_transport *transport = request->transport;
    if (transport->multi == NULL && bh_gateway_transport_open_multi(transport) != BH_OK) {
        fail(request);
        return;
    }
    if (bh_gateway_sending_prepare(request) != BH_OK) {
        fail(request);
        return;
    }
    uv_timer_stop(&transport->rest);
    request->started_ns = uv_hrtime();
    if (curl_multi_add_handle(transport->multi, request->easy) != CURLM_OK) {
        fail(request);
        return;
    }
    request->state = BH_SENDING_RUNNING;
    transport->stats.in_flight++;
}

static void
begin_waiting(struct bh_gateway_transport *transport)
{
    while (transport->waiting_first != NULL && !transport->is_stopping &&
           transport->stats.in_flight < transport->options.max_connections) {
        struct bh_gateway_sending *request = transport->waiting_first;
        line_remove(transport, request);
        begin(request);
    }
}

/*
 * Free the slot, then tell.  The body moves out of the slot first, because the receiver may submit
 * into the same slot while it still reads.
 */
static void
deliver(struct bh_gateway_sending *request, struct bh_exchange *exchange)
{
    struct bh_gateway_transport *transport = request->transport;
    struct bh_slot_handle slot = request->command.slot;
    struct bh_buf body = request->body;
    exchange->body = bh_buf_str(&body);

    bh_buf_init(&request->body, transport->options.answer_bytes_max);
    bh_gateway_sending_clean(request);
    transport->stats.answered++;
    transport->on_answered(transport->on_answered_arg, slot, exchange);
    bh_buf_release(&body);
}

static void
end_running(struct bh_gateway_sending *request, CURLcode code)
{
    struct bh_gateway_transport *transport = request->transport;
    struct bh_exchange exchange = bh_gateway_sending_judge(request, code);
    curl_multi_remove_handle(transport->multi, request->easy);
    transport->stats.in_flight--;
    deliver(request, &exchange);
}

static void
end_unsent(struct bh_gateway_sending *request)
{
    if (request->state == BH_SENDING_WAITING)
        line_remove(request->transport, request);
    struct bh_exchange exchange = bh_gateway_sending_judge(request, CURLE_OK);
    deliver(request, &exchange);
}

/* ---- turns --------------------------------------------------------------------------------------- */

static void
rest_on_timeout(uv_timer_t *timer)
{
    struct bh_gateway_transport *transport = timer->data;
    if (transport->stats.in_flight == 0)
        bh_gateway_transport_close_multi(transport);
}

/* Connections that nobody uses are closed by us before the gateway does it: the library only looks at them when it wants one. */
static void
plan_rest(struct bh_gateway_transport *transport)
{
    if (transport->stats.in_flight == 0 && transport->multi != NULL && !transport->is_closing)
        uv_timer_start(&transport->rest, rest_on_timeout, (uint64_t)transport->options.idle_ms, 0);
}

void
bh_gateway_transport_drain(struct bh_gateway_transport *transport)
{
    int left;
    CURLMsg *message;
    bool ended = false;
    while (transport->multi != NULL &&
           (message = curl_multi_info_read(transport->multi, &left)) != NULL) {
        char *private = NULL;
        CURLcode code = message->data.result; /* gone with the handle's removal */
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        BH_ASSERT(private != NULL);
        end_running((struct bh_gateway_sending *)(void *)private, code);
        ended = true;
    }
    begin_waiting(transport);
    if (ended)
        plan_rest(transport);
}

static void
handle_on_close(uv_handle_t *handle)
{
    struct bh_gateway_transport *transport = handle->data;
    transport->open_handles--;
    if (transport->open_handles > 0)
        return;
    bh_gateway_transport_on_stopped *on_stopped = transport->on_stopped;
    void *arg = transport->on_stopped_arg;
    free_options(&transport->options);
    bh_free(transport->requests);
    bh_free(transport);
    on_stopped(arg);
}

/* The timers stay until the last watch is closed, since closing watches report through one of them. */
static void
try_close(struct bh_gateway_transport *transport)
{
    uv_timer_t *timers[] = {&transport->timer, &transport->later, &transport->rest,
                            &transport->late};
    if (!transport->is_closing) {
        transport->is_closing = true;
        bh_gateway_transport_close_multi(transport);
        for (size_t i = 0; i < transport->slots; i++) {
            curl_easy_cleanup(transport->requests[i].easy);
            bh_buf_release(&transport->requests[i].body);
        }
        curl_share_cleanup(transport->share);
    }
    if (transport->open_handles > BH_ARRAY_LEN(timers))
        return;
    for (size_t i = 0; i < BH_ARRAY_LEN(timers); i++)
        uv_close((uv_handle_t *)timers[i], handle_on_close);
}

static void
later_on_timeout(uv_timer_t *timer)
{
    struct bh_gateway_transport *transport = timer->data;
    bool is_idle = true;
    for (size_t i = 0; i < transport->slots; i++) {
        struct bh_gateway_sending *request = &transport->requests[i];
        if (request->state == BH_SENDING_RUNNING && request->doom != BH_TROUBLE_NONE)
            end_running(request, CURLE_ABORTED_BY_CALLBACK);
        else if (request->state != BH_SENDING_FREE && request->doom != BH_TROUBLE_NONE)
            end_unsent(request);
    }
    /* Looked at again: the receivers may have filled slots meanwhile. */
    for (size_t i = 0; i < transport->slots; i++)
        is_idle = is_idle && transport->requests[i].state == BH_SENDING_FREE;
    if (transport->is_stopping && is_idle) {
        try_close(transport);
        return;
    }
    begin_waiting(transport);
    plan_rest(transport);
}

void
bh_gateway_transport_do_later(struct bh_gateway_transport *transport)
{
    uv_timer_start(&transport->later, later_on_timeout, 0, 0);
}

/* ---- the public side ----------------------------------------------------------------------------- */

static void
free_unstarted(struct bh_gateway_transport *transport)
{
    free_options(&transport->options);
    if (transport->share != NULL)
        curl_share_cleanup(transport->share);
    bh_free(transport->requests);
    bh_free(transport);
}

static bool
open_share(struct bh_gateway_transport *transport)
{
    transport->share = curl_share_init();
    return transport->share != NULL &&
           curl_share_setopt(transport->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK &&
           curl_share_setopt(transport->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) ==
               CURLSHE_OK;
}

static void
open_timers(struct bh_gateway_transport *transport)
{
    uv_timer_t *timers[] = {&transport->timer, &transport->later, &transport->rest,
                            &transport->late};
    for (size_t i = 0; i < BH_ARRAY_LEN(timers); i++) {
        uv_timer_init(transport->loop, timers[i]); /* never fails */
        timers[i]->data = transport;
        transport->open_handles++;
    }
}

enum bh_status
bh_gateway_transport_start(uv_loop_t *loop, size_t slots,
                           const struct bh_gateway_transport_options *options,
                           bh_gateway_transport_on_answered *on_answered, void *arg,
                           struct bh_gateway_transport **ret_transport)
{
    struct bh_gateway_transport *transport = bh_alloc_zero(sizeof(*transport));
    if (transport == NULL)
        return BH_ENOMEM;
    transport->loop = loop;
    transport->slots = slots;
    transport->on_answered = on_answered;
    transport->on_answered_arg = arg;
    transport->options_version = 1;
    transport->requests = bh_alloc_array(slots, sizeof(*transport->requests));
    if (transport->requests == NULL || copy_options(options, &transport->options) != BH_OK ||
        !open_share(transport)) {
        free_unstarted(transport);
        return BH_ENOMEM;
    }
    for (size_t i = 0; i < slots; i++) {
        transport->requests[i].transport = transport;
        bh_buf_init(&transport->requests[i].body, transport->options.answer_bytes_max);
    }
    open_timers(transport);
    *ret_transport = transport;
    return BH_OK;
}

void
bh_gateway_transport_submit(struct bh_gateway_transport *transport,
                            const struct bh_submit_command *command)
{
    BH_ASSERT(command->slot.index < transport->slots);
    BH_ASSERT(!transport->is_closing);
    struct bh_gateway_sending *request = &transport->requests[command->slot.index];
    BH_ASSERT(request->state == BH_SENDING_FREE);

    request->command = *command;
    request->state = BH_SENDING_WAITING;
    transport->stats.submitted++;
    line_append(transport, request);
    if (transport->is_stopping) {
        request->doom = BH_TROUBLE_CANCELLED;
        bh_gateway_transport_do_later(transport);
        return;
    }
    begin_waiting(transport);
}

void
bh_gateway_transport_cancel(struct bh_gateway_transport *transport, struct bh_slot_handle slot)
{
    BH_ASSERT(slot.index < transport->slots);
    struct bh_gateway_sending *request = &transport->requests[slot.index];
    if (request->state == BH_SENDING_FREE || request->command.slot.generation != slot.generation)
        return;
    if (request->doom == BH_TROUBLE_NONE)
        request->doom = BH_TROUBLE_CANCELLED;
    bh_gateway_transport_do_later(transport);
}

void
bh_gateway_transport_stop(struct bh_gateway_transport *transport,
                          bh_gateway_transport_on_stopped *on_stopped, void *arg)
{
    BH_ASSERT(!transport->is_stopping);
    transport->is_stopping = true;
    transport->on_stopped = on_stopped;
    transport->on_stopped_arg = arg;
    for (size_t i = 0; i < transport->slots; i++) {
        struct bh_gateway_sending *request = &transport->requests[i];
        if (request->state != BH_SENDING_FREE && request->doom == BH_TROUBLE_NONE)
            request->doom = BH_TROUBLE_CANCELLED;
    }
    bh_gateway_transport_do_later(transport);
}

unsigned
bh_gateway_transport_open_connections(const struct bh_gateway_transport *transport)
{
    return transport->stats.open_connections;
}

struct bh_gateway_transport_stats
bh_gateway_transport_stats(const struct bh_gateway_transport *transport)
{
    return transport->stats;
}
