/*
 * Preloaded into a program that asks for the wall clock by gettimeofday or time, such as redis-server: the clock is
 * moved by the milliseconds in the file that BELLHOP_CLOCK_SHIFT names (a native int64_t), which may change at any
 * time.  The monotonic clock stays as it is.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int bh_shifted_gettimeofday(struct timeval *tv, void *zone) __asm__("gettimeofday");
time_t bh_shifted_time(time_t *ret_time) __asm__("time");

static long long
shift_ms(void)
{
    static _Atomic(const _Atomic int64_t *) shift;
    const _Atomic int64_t *mapped = atomic_load(&shift);
    const char *path = getenv("BELLHOP_CLOCK_SHIFT");
    if (mapped == NULL && path != NULL) {
        int fd = open(path, O_RDONLY);
        void *memory =
            fd >= 0 ? mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        if (memory == MAP_FAILED)
            abort();
        close(fd);
        mapped = memory;
        atomic_store(&shift, mapped);
    }
    return mapped != NULL ? atomic_load(mapped) : 0;
}

__attribute__((visibility("default"))) int
bh_shifted_gettimeofday(struct timeval *tv, void *zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    long long us = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000 + shift_ms() * 1000;
    tv->tv_sec = (time_t)(us / 1000000);
    tv->tv_usec = (suseconds_t)(us % 1000000);
    return 0;
}

__attribute__((visibility("default"))) time_t
bh_shifted_time(time_t *ret_time)
{
    struct timeval now;
    bh_shifted_gettimeofday(&now, NULL);
    if (ret_time != NULL)
        *ret_time = now.tv_sec;
    return now.tv_sec;
}
