/* run_say.c — what `gnatterctl run` tells systemd and people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clients/gnatterctl/programs.h"
#include "clients/gnatterctl/run.h"
#include "clients/gnatterctl/say.h"

void run_notify_ready(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	int s;

	if (len < 2 || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return;
	if (sendto(s, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		note("cannot tell systemd that all is ready: %s", strerror(errno));
	close(s);
}

void run_print_hints(const struct run *r)
{
	const struct broker_listener *l = broker_conf_mqtt(&r->broker_conf);
	unsigned port = l ? l->port : 1883;
	char gnatter[PATH_MAX];

	printf("\nPaste these into other terminals; Ctrl-C here ends it.\n\n"
	       "  alice listens          mosquitto_sub -p %u -u alice -P demo -q 1 -t "
	       "chat/lobby/msg\n"
	       "  bob writes             mosquitto_pub -p %u -u bob -P demo -q 1 -t "
	       "chat/lobby/send "
	       "-m 'hello'\n"
	       "  alice reads it back    mosquitto_rr -p %u -u alice -P demo -q 1 -V 5 -t "
	       "api/history "
	       "-e r -m '{\"chat\":\"lobby\"}'\n",
		port, port, port);
	if (programs_client(gnatter))
		printf("  carol sees it all      echo demo | %s login tcp://localhost:%u --user "
		       "carol --password-stdin; %s\n",
			gnatter, port, gnatter);
	printf("\n");
}

void run_say_cannot_start(const struct run *r, const struct part *p)
{
	const struct broker_listener *taken = NULL;
	char text[PART_REASON_MAX];

	if (p == &r->broker && logfile_says(&p->log, "Address already in use"))
		taken = broker_conf_port_taken(&r->broker_conf);
	if (taken) {
		fail("the broker cannot start: port %u%s%s is in use by another program; end that "
		     "one, or "
		     "change 'listener %u' in %s",
			taken->port, *taken->address ? " on " : "", taken->address, taken->port,
			r->broker_conf_path);
		return;
	}
	part_describe(p, text, sizeof(text));
	fail("the %s cannot start: it %s (its log is %s)", p->name, text, p->log.path);
}
