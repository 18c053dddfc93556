/* SPDX-License-Identifier: MIT */
/*
 * asking: requests about resources that the executor is to answer:
 * resources/list, resources/read and completion/complete.
 *
 * Frontend, untrusted params.
 */
#ifndef FRONTEND_ASKING_H
#define FRONTEND_ASKING_H

#include "frontend/mcp/answer.h"

enum mcp_verdict asking_list(const struct mcp_request *r);
enum mcp_verdict asking_read(const struct mcp_request *r);
enum mcp_verdict asking_complete(const struct mcp_request *r);

#endif
