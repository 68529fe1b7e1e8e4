/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links and addresses of the network namespace that the calling thread is in, through libnl. net.c
 * is the only caller. It must not know why.
 */
#ifndef SHIM_NL_H
#define SHIM_NL_H

#include "common/err.h"

/* Brings lo up and, where `address` ("169.254.170.2/32") is not NULL, adds it there. Safe to call
 * twice. */
int nl_loopback(const char *address, struct err *e);

#endif
