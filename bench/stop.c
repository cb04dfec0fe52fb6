/* stop.c */
#include "bench/stop.h"

#include <signal.h>

static volatile sig_atomic_t wanted;

static void on_signal(int signal)
{
	(void)signal;
	wanted = 1;
}

void stop_on_sigterm(void)
{
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
}

bool stop_wanted(void)
{
	return wanted;
}
