/* SPDX-License-Identifier: MIT */
/* power: give it away, with what this configuration needs left. */
#ifndef EXECUTOR_POWER_H
#define EXECUTOR_POWER_H

#include "executor/conf/conf.h"

/* After all that needs it, before the first frontend. */
int power_give_up(const struct conf *c, struct err *e) MUST_CHECK;

#endif
