/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers need of other services of AWS before anything of the task is pulled: secrets,
 * registry credentials, environment files. Called by the launch, each time; where something cannot
 * be had, ECS does not start the task, and neither do we. It must not know the Engine.
 */
#include "shim/task.h"

/* Nobody here has objects, parameters or secrets. */
static const char *
missing(const struct plan_container *c)
{
	const struct container_def *def = c->def;

	if (def->secrets.n > 0 || def->repository_credentials != NULL ||
	    (def->log_configuration != NULL && def->log_configuration->secret_options.n > 0))
		return "unable to pull secrets or registry auth: there is no AWS Secrets Manager "
		       "and no SSM Parameter Store here";
	if (def->environment_files.n > 0 ||
	    (c->override != NULL && c->override->environment_files.n > 0))
		return "failed to download env files: there is no Amazon S3 here";
	return NULL;
}

/* All of them before the first image: a task that will not start leaves no trace in the Engine. */
bool
resources_ready(struct task *t)
{
	bool ready = true;

	for (size_t i = 0; i < t->n; i++) {
		struct container *c = &t->containers[i];
		const char *text = c->phase == PHASE_NEW ? missing(c->plan) : NULL;

		if (text == NULL)
			continue;
		container_fail(c, "ResourceInitializationError", text);
		ready = ready && !c->plan->essential;
	}
	return ready;
}
