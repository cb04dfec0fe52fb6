/* preload_clock.c — preloaded into the programs under test: the clock that can be set is off by as
 * many ms as the file CLOCK_FILE says (an int64_t), from the moment that somebody writes there.
 *
 * The clock that only goes forward is left alone, as it is by whoever sets the other one.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const volatile int64_t *offset_ms;

__attribute__((constructor)) static void open_offset(void)
{
	const char *path = getenv("CLOCK_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*offset_ms), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		_exit(97);
	offset_ms = at;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *out)
{
	int result = (int)syscall(SYS_clock_gettime, clock, out);
	int64_t ms = offset_ms ? *offset_ms : 0; /* before the constructor there is none */

	if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
		return result;
	ms += (int64_t)out->tv_nsec / 1000000;
	out->tv_nsec %= 1000000;
	out->tv_sec += ms / 1000;
	if (ms % 1000 < 0)
		out->tv_sec--;
	out->tv_nsec += (ms % 1000 + 1000) % 1000 * 1000000;
	return 0;
}

EXPORT int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	*out = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
	return 0;
}

EXPORT time_t time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}
