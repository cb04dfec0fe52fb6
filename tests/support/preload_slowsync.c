/* preload_slowsync.c — preloaded into the daemon: every sync to disk takes SLOWSYNC_MS longer.
 *
 * With it a test can tell "on disk, then seen" from "seen, and on disk soon after": what is visible
 * before the delay is over was visible before it was synced.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

int fdatasync(int fd);
int fsync(int fd);
int msync(void *addr, size_t len, int flags);

static void delay(void)
{
	const char *ms = getenv("SLOWSYNC_MS");
	long n = ms ? atol(ms) : 0;
	struct timespec t = {n / 1000, n % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

EXPORT int fdatasync(int fd)
{
	int (*call)(int);

	*(void **)&call = real("fdatasync");
	delay();
	return call(fd);
}

EXPORT int fsync(int fd)
{
	int (*call)(int);

	*(void **)&call = real("fsync");
	delay();
	return call(fd);
}

EXPORT int msync(void *addr, size_t len, int flags)
{
	int (*call)(void *, size_t, int);

	*(void **)&call = real("msync");
	delay();
	return call(addr, len, flags);
}
