/* SPDX-License-Identifier: MIT */
/*
 * resource_request: requests about resources that the executor is to answer:
 * resources/list, resources/read and completion/complete.
 *
 * Frontend, untrusted params.
 */
#ifndef FRONTEND_RESOURCE_REQUEST_H
#define FRONTEND_RESOURCE_REQUEST_H

#include "frontend/mcp/answer.h"

enum mcp_verdict resource_request_list(const struct mcp_request *r);
enum mcp_verdict resource_request_read(const struct mcp_request *r);
enum mcp_verdict resource_request_complete(const struct mcp_request *r);

#endif
