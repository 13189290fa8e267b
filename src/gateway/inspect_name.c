#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "gateway/inspect_host.h"

/*
 * One lookup.  The system's resolver has no limit of time that we could set, so it runs in a thread; the last of
 * the two that lets go frees.
 */
struct lookup {
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    unsigned holders;
    bool over;
    int result;
    struct addrinfo *list; /* owned; valid when over and result is 0 */
    char host[256];
};

static void
let_go(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->mutex);
    bool last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->mutex);
    if (!last)
        return;
    if (lookup->list != NULL)
        freeaddrinfo(lookup->list);
    pthread_cond_destroy(&lookup->answered);
    pthread_mutex_destroy(&lookup->mutex);
    bh_free(lookup);
}

static void *
run(void *arg)
{
    struct lookup *lookup = arg;
    struct addrinfo *list = NULL;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int result = getaddrinfo(lookup->host, NULL, &hints, &list);
    pthread_mutex_lock(&lookup->mutex);
    lookup->result = result;
    lookup->list = result == 0 ? list : NULL;
    lookup->over = true;
    pthread_cond_signal(&lookup->answered);
    pthread_mutex_unlock(&lookup->mutex);
    let_go(lookup);
    return NULL;
}

/* NULL: short of memory or of threads. */
static struct lookup *
begin(const char *host)
{
    struct lookup *lookup = bh_alloc_zero(sizeof(*lookup));
    pthread_condattr_t attributes;
    pthread_t thread;
    if (lookup == NULL)
        return NULL;
    snprintf(lookup->host, sizeof(lookup->host), "%s", host);
    lookup->holders = 2;
    pthread_mutex_init(&lookup->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lookup->answered, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&thread, NULL, run, lookup) != 0) {
        lookup->holders = 1;
        let_go(lookup);
        return NULL;
    }
    pthread_detach(thread);
    return lookup;
}

static struct timespec
now(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static bool
wait_for(struct lookup *lookup, bh_ms timeout_ms)
{
    struct timespec until = now();
    until.tv_sec += (time_t)(timeout_ms / BH_SECOND_MS);
    until.tv_nsec += (long)(timeout_ms % BH_SECOND_MS) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&lookup->mutex);
    int waited = 0;
    while (!lookup->over && waited == 0)
        waited = pthread_cond_timedwait(&lookup->answered, &lookup->mutex, &until);
    bool over = lookup->over;
    pthread_mutex_unlock(&lookup->mutex);
    return over;
}

/* Connecting a datagram socket sends nothing; it only asks the system for a route. */
static bool
is_routed(const struct addrinfo *at)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } address;
    if (at->ai_addrlen > sizeof(address))
        return false;
    memcpy(&address, at->ai_addr, at->ai_addrlen);
    if (at->ai_family == AF_INET6)
        address.ipv6.sin6_port = htons(9);
    else
        address.ipv4.sin_port = htons(9);
    int fd = socket(at->ai_family, SOCK_DGRAM, 0);
    if (fd < 0)
        return false;
    bool routed = connect(fd, &address.any, at->ai_addrlen) == 0;
    (void)close(fd);
    return routed;
}

static void
take_address(const struct addrinfo *at, struct bh_name_facts *facts)
{
    bool is_ipv6 = at->ai_family == AF_INET6;
    if (!is_ipv6 && at->ai_family != AF_INET)
        return;
    *(is_ipv6 ? &facts->ipv6_count : &facts->ipv4_count) += 1;
    bool *routed = is_ipv6 ? &facts->ipv6_routed : &facts->ipv4_routed;
    *routed = *routed || is_routed(at);
    char *text = facts->addresses[facts->addresses_count];
    if (facts->addresses_count < BH_HOST_ADDRESSES_MAX &&
        getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(facts->addresses[0]), NULL, 0,
                    NI_NUMERICHOST) == 0)
        facts->addresses_count++;
}

enum bh_status
bh_inspect_name(const char *host, bh_ms timeout_ms, struct bh_name_facts *ret_facts)
{
    struct bh_name_facts facts = {0};
    struct timespec began = now();
    struct lookup *lookup = begin(host);
    if (lookup == NULL)
        return BH_ENOMEM;
    bool over = wait_for(lookup, timeout_ms);
    struct timespec ended = now();
    facts.took_us = ((int64_t)ended.tv_sec - began.tv_sec) * 1000000 +
                    ((int64_t)ended.tv_nsec - began.tv_nsec) / 1000;
    facts.timed_out = !over;
    if (over && lookup->result != 0)
        snprintf(facts.problem, sizeof(facts.problem), "%s", gai_strerror(lookup->result));
    for (const struct addrinfo *at = over ? lookup->list : NULL; at != NULL; at = at->ai_next)
        take_address(at, &facts);
    let_go(lookup);
    if (facts.addresses_count == 0 && over && facts.problem[0] == '\0')
        snprintf(facts.problem, sizeof(facts.problem), "it has no address");
    *ret_facts = facts;
    return BH_OK;
}
