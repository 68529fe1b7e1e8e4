/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table from kinds of error to AWS exception names and HTTP statuses, and the functions
 * that fill a struct err. Called from everywhere; prints and logs nothing.
 */
#include "common/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct {
	const char *type;
	int http_status;
} err_kinds[ERR_MAX] = {
	[ERR_NONE]                                 = { "", 200 },
	[ERR_SERVER]                               = { "ServerException", 500 },
	[ERR_CLIENT]                               = { "ClientException", 400 },
	[ERR_INVALID_PARAMETER]                    = { "InvalidParameterException", 400 },
	[ERR_ACCESS_DENIED]                        = { "AccessDeniedException", 400 },
	[ERR_SERIALIZATION]                        = { "SerializationException", 400 },
	[ERR_UNKNOWN_OPERATION]                    = { "UnknownOperationException", 400 },
	[ERR_NOT_AVAILABLE]                        = { "UnsupportedFeatureException", 400 },
	[ERR_MISSING_AUTHENTICATION]               = { "MissingAuthenticationTokenException", 400 },
	[ERR_INVALID_SIGNATURE]                    = { "InvalidSignatureException", 400 },
	[ERR_THROTTLING]                           = { "ThrottlingException", 400 },
	[ERR_CLUSTER_NOT_FOUND]                    = { "ClusterNotFoundException", 400 },
	[ERR_CLUSTER_CONTAINS_CAPACITY_PROVIDER]   = { "ClusterContainsCapacityProviderException", 400 },
	[ERR_CLUSTER_CONTAINS_CONTAINER_INSTANCES] = { "ClusterContainsContainerInstancesException", 400 },
	[ERR_CLUSTER_CONTAINS_SERVICES]            = { "ClusterContainsServicesException", 400 },
	[ERR_CLUSTER_CONTAINS_TASKS]               = { "ClusterContainsTasksException", 400 },
	[ERR_UPDATE_IN_PROGRESS]                   = { "UpdateInProgressException", 400 },
	[ERR_RESOURCE_IN_USE]                      = { "ResourceInUseException", 400 },
	[ERR_RESOURCE_NOT_FOUND]                   = { "ResourceNotFoundException", 400 },
	[ERR_LIMIT_EXCEEDED]                       = { "LimitExceededException", 400 },
	[ERR_CONFLICT]                             = { "ConflictException", 400 },
	[ERR_BLOCKED]                              = { "BlockedException", 400 },
	[ERR_UNSUPPORTED_FEATURE]                  = { "UnsupportedFeatureException", 400 },
	[ERR_PLATFORM_UNKNOWN]                     = { "PlatformUnknownException", 400 },
	[ERR_PLATFORM_INCOMPATIBLE]                = { "PlatformTaskDefinitionIncompatibilityException", 400 },
	[ERR_SERVICE_NOT_FOUND]                    = { "ServiceNotFoundException", 400 },
	[ERR_SERVICE_NOT_ACTIVE]                   = { "ServiceNotActiveException", 400 },
	[ERR_NAMESPACE_NOT_FOUND]                  = { "NamespaceNotFoundException", 400 },
	[ERR_TARGET_NOT_FOUND]                     = { "TargetNotFoundException", 400 },
	[ERR_ATTRIBUTE_LIMIT_EXCEEDED]             = { "AttributeLimitExceededException", 400 },
	[ERR_TASK_SET_NOT_FOUND]                   = { "TaskSetNotFoundException", 400 },
	[ERR_TARGET_NOT_CONNECTED]                 = { "TargetNotConnectedException", 400 },
	[ERR_NO_UPDATE_AVAILABLE]                  = { "NoUpdateAvailableException", 400 },
	[ERR_MISSING_VERSION]                      = { "MissingVersionException", 400 },
	[ERR_SERVICE_DEPLOYMENT_NOT_FOUND]         = { "ServiceDeploymentNotFoundException", 400 },
	[ERR_CODED]                                = { "", 400 },
	[ERR_VALIDATION]                           = { "ValidationException", 400 },
	[ERR_DAEMON_NOT_FOUND]                     = { "DaemonNotFoundException", 400 },
	[ERR_DAEMON_NOT_ACTIVE]                    = { "DaemonNotActiveException", 400 },
};
/* clang-format on */

int
err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (e != NULL) {
		e->kind = kind;
		e->errnum = 0;
		va_start(ap, fmt);
		(void)vsnprintf(e->text, sizeof(e->text), fmt, ap); /* cut on purpose */
		va_end(ap);
	}
	return kind == ERR_SERVER ? -EIO : -EINVAL;
}

int
err_set_errno(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (e != NULL) {
		e->kind = ERR_SERVER;
		e->errnum = errnum;
		va_start(ap, fmt);
		(void)vsnprintf(e->text, sizeof(e->text), fmt, ap); /* cut on purpose */
		va_end(ap);
		len = strlen(e->text);
		(void)snprintf(e->text + len, sizeof(e->text) - len, ": %s", strerror(errnum));
	}
	return errnum > 0 ? -errnum : -EIO;
}

int
err_set_code(struct err *e, int http_status, const char *code, const char *fmt, ...)
{
	va_list ap;

	if (e != NULL) {
		e->kind = ERR_CODED;
		e->errnum = 0;
		e->http_status = http_status;
		(void)snprintf(e->code, sizeof(e->code), "%s", code);
		va_start(ap, fmt);
		(void)vsnprintf(e->text, sizeof(e->text), fmt, ap); /* cut on purpose */
		va_end(ap);
	}
	return http_status >= 500 ? -EIO : -EINVAL;
}

const char *
err_type(enum err_kind kind)
{
	return kind < ERR_MAX ? err_kinds[kind].type : err_kinds[ERR_SERVER].type;
}

int
err_http_status(enum err_kind kind)
{
	return kind < ERR_MAX ? err_kinds[kind].http_status : 500;
}
