/*
 * address - is that address this machine's own?
 */
#ifndef BH_SIM_ADDRESS_H
#define BH_SIM_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* 127.0.0.0/8 and ::1; an IPv4 address inside IPv6 is not taken for one. */
bool bh_sim_address_is_loopback(const struct sockaddr *address);

#endif
