/* provider.c — a push provider that takes its time: every POST is answered with an empty 200 after
 * a pause. Prints its port, and at SIGTERM how many it has answered.
 *
 *   provider MS
 */
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Atomic unsigned long answered;
static long pause_ms;

static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **state)
{
	static char seen;
	struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000};
	struct MHD_Response *r;
	enum MHD_Result result;

	(void)ctx;
	(void)url;
	(void)method;
	(void)version;
	(void)data;
	if (!*state) {
		*state = &seen; /* the headers; the body follows */
		return MHD_YES;
	}
	if (*size > 0) {
		*size = 0;
		return MHD_YES;
	}
	nanosleep(&pause, NULL);
	r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	result = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	atomic_fetch_add(&answered, 1);
	return result;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *daemon;
	sigset_t wait_for;
	int sig;

	if (argc != 2 || (pause_ms = strtol(argv[1], NULL, 10)) < 0) {
		fprintf(stderr, "usage: provider MS\n");
		return 2;
	}
	sigemptyset(&wait_for);
	sigaddset(&wait_for, SIGTERM);
	sigaddset(&wait_for, SIGINT);
	pthread_sigmask(SIG_BLOCK, &wait_for, NULL);
	/* a thread each: whoever waits holds up nobody */
	daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD,
		0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
		MHD_OPTION_CONNECTION_LIMIT, 1024u, MHD_OPTION_END);
	info = daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
	if (!info) {
		fprintf(stderr, "provider: cannot listen: %s\n", strerror(errno));
		return 1;
	}
	printf("%u\n", (unsigned)info->port);
	fflush(stdout);
	sigwait(&wait_for, &sig);
	MHD_stop_daemon(daemon);
	printf("%lu\n", atomic_load(&answered));
	return 0;
}
