/* SPDX-License-Identifier: MIT */
/* notify: tell the service manager how we are, by sd_notify(3)'s protocol. */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

/*
 * Send state ("READY=1", "STOPPING=1", "STATUS=...") to the socket that
 * $NOTIFY_SOCKET names: a path, or "@" and an abstract name.  Without the
 * variable nothing happens; a failure is logged and otherwise ignored.
 */
void notify_send(const char *state);
/* RELOADING=1 with the time that it must carry; READY=1 ends it. */
void notify_reloading(void);
/*
 * Milliseconds within which WATCHDOG=1 is to come again and again, by
 * $WATCHDOG_USEC and $WATCHDOG_PID; 0: nobody waits for it.
 */
unsigned notify_watchdog_ms(void);

#endif
