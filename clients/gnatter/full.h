/* full.h — `gnatter` alone: the full-screen client, with the account of this machine. */
#ifndef GNATTER_FULL_H
#define GNATTER_FULL_H

/* account: "" is the usual one. chat: opened first; NULL: the newest. Returns the exit code, of
 * say.h; what went wrong was said. */
int full_screen(const char *account, const char *chat);

#endif
