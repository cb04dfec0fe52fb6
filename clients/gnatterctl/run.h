/* run.h — between run.c, run_prepare.c and run_say.c: an instance being run. */
#ifndef GNATTERCTL_RUN_H
#define GNATTERCTL_RUN_H

#include "clients/gnatterctl/broker_conf.h"
#include "clients/gnatterctl/instance.h"
#include "clients/gnatterctl/part.h"

struct run {
	struct instance in;
	struct broker_conf broker_conf;
	char broker_conf_path[PATH_SIZE], conf_path[PATH_SIZE];
	struct part broker, daemon;
	int lock_fd, signal_fd;
	int turn_fd; /* until the daemon is there */
	int64_t begun_ms, rotate_at_ms;
	bool has_terminal, hints;
	bool ready, stopping;
	int code;
};

/* Find the programs, lock the instance, open the logs. False said on stderr. */
bool run_prepare(struct run *r);

/* Tell systemd, if it started us and wants to know, that all is ready. */
void run_notify_ready(void);

/* Show what to paste into other terminals. */
void run_print_hints(const struct run *r);

/* The one sentence for a part that cannot start. */
void run_say_cannot_start(const struct run *r, const struct part *p);

#endif
