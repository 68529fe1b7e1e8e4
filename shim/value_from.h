/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task definition's references to secrets, parameters and objects mean, and what is in the
 * texts that they lead to. Pure functions, called by resources.c; they must not know how anything
 * is fetched. Texts of errors never repeat a value.
 */
#ifndef SHIM_VALUE_FROM_H
#define SHIM_VALUE_FROM_H

#include "common/arena.h"
#include "common/err.h"

enum value_source { VALUE_PARAMETER, VALUE_SECRET, VALUE_OBJECT };

/* Where a value is. Texts live in the arena or are the reference itself. */
struct value_ref {
	enum value_source source;
	const char *region; /* NULL: the task's own */
	/* The name or ARN of a parameter, the ARN or name of a secret, "bucket/key" of an object.
	 */
	const char *id;
	/* Of a secret (`arn:…:json-key:version-stage:version-id`), NULL where not given. */
	const char *json_key, *stage, *version;
};

/* Secret.valueFrom: the ARN of a secret of Secrets Manager, with or without its three more fields;
 * everything else is a parameter's name or ARN. Fails where the ARN of a secret has another number
 * of fields. */
int value_from_secret(const char *text, struct arena *a, struct value_ref *ret, struct err *e);
/* RepositoryCredentials.credentialsParameter: the ARN or the name of a secret. */
void value_from_registry(const char *text, struct arena *a, struct value_ref *ret);
/* EnvironmentFile.value: arn:aws:s3:::bucket/key. Fails where it is something else. */
int value_from_file(const char *text, struct value_ref *ret, struct err *e);

/* The value of a key of a secret that is a JSON object, as the agent prints it (Go's %v). The
 * caller's. Fails where the secret is no object or has no such key. */
int value_of_key(const char *secret, const char *key, char **ret, struct err *e);
/* The value of X-Registry-Auth for a secret {"username","password"}; the caller's. Fails where one
 * of them is missing. */
int value_registry_auth(const char *secret, char **ret, struct err *e);

/* Calls `each` for every variable of an environment file (agent: envfile.go readEnvVarsFromFile):
 * lines with a key before the first "=", comments begin with "#" and nothing is trimmed or
 * unquoted. `text` is cut up. */
void value_env_lines(
    char *text, void (*each)(const char *name, const char *value, void *arg), void *arg);

#endif
