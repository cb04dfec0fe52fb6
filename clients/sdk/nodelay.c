/* nodelay.c — see nodelay.h. */
#include "clients/sdk/nodelay.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef void fd_fn(void *ctx, int fd);

static void each_fd(fd_fn *fn, void *ctx)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *d;

	if (!dir)
		return;
	while ((d = readdir(dir))) {
		char *end;
		long fd = strtol(d->d_name, &end, 10);

		if (*end == 0 && fd >= 0 && fd < NODELAY_FDS && fd != dirfd(dir))
			fn(ctx, (int)fd);
	}
	closedir(dir);
}

static void note(void *ctx, int fd)
{
	struct nodelay *n = ctx;

	n->used[fd / 8] |= (uint8_t)(1u << (fd % 8));
}

void nodelay_begin(struct nodelay *n, uint16_t port)
{
	memset(n, 0, sizeof(*n));
	n->port = port;
	each_fd(note, n);
}

/* Is it a connection to that port? */
static bool leads_to(int fd, uint16_t port)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	uint16_t there = 0;

	if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0)
		return false;
	if (peer.ss_family == AF_INET)
		there = ((const struct sockaddr_in *)(const void *)&peer)->sin_port;
	else if (peer.ss_family == AF_INET6)
		there = ((const struct sockaddr_in6 *)(const void *)&peer)->sin6_port;
	return there == htons(port);
}

static void set(void *ctx, int fd)
{
	const struct nodelay *n = ctx;
	int on = 1;

	if (!(n->used[fd / 8] & (1u << (fd % 8))) && leads_to(fd, n->port))
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void nodelay_end(const struct nodelay *n)
{
	each_fd(set, (void *)(uintptr_t)n);
}
