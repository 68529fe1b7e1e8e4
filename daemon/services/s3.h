/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon S3: objects in files, everything else in the store. main.c makes it and gives its rest
 * service to the HTTP edge.
 */
#ifndef DAEMON_SERVICES_S3_H
#define DAEMON_SERVICES_S3_H

#include "common/loop.h"
#include "daemon/rest.h"

struct s3;

/* Makes its directory, below the state directory or, where nothing is kept, below the runtime
 * directory, and removes what a process that died has left there. All that is passed in outlives
 * it. The caller owns *ret. */
int s3_new(struct loop *l, const struct config *config, struct store *store, struct s3 **ret,
    struct err *e);
/* Waits for the disk. Where nothing is kept, the files go too. */
void s3_free(struct s3 *s3);
const struct rest_service *s3_rest(struct s3 *s3);
/* The store has been emptied: the files follow. */
void s3_forget(struct s3 *s3);

#endif
