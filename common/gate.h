/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two-phase start's few words, for the two programs that speak them: localemu-ecs-init inside
 *the container and shim/gate.c outside. init connects, waits for one byte, and execs; the shim
 *knows it by SO_PEERCRED.
 *
 *	init → shim   connect to GATE_SOCKET (SOCK_SEQPACKET, close-on-exec)
 *	shim → init   one packet, GATE_OPEN: exec now. EOF without it: exit GATE_EXIT_CLOSED
 *	init → shim   struct gate_failure where the exec fails; init then exits 127 (not found) or
 *126 EOF without it: the exec happened
 */
#ifndef COMMON_GATE_H
#define COMMON_GATE_H

#include <stdint.h>

/* localemu-ecs-init and the container's own gate directory: read-only bind mounts. */
#define GATE_INIT "/.localemu/init"
#define GATE_DIR "/.localemu/gate"
#define GATE_SOCKET "/.localemu/gate/s"
#define GATE_OPEN 'o'
#define GATE_EXIT_CLOSED 125

struct gate_failure {
	int32_t errnum; /* of the exec: ENOENT, EACCES, ENOEXEC … */
	int32_t found;  /* 1: the file was found and the kernel refused it (its interpreter, its
			   format) */
};

#endif
