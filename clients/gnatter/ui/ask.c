/* ask.c — a request of the user's, and what is said of its answer. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/ui_internal.h"

struct ask {
	struct ui *ui;
	char done[EVENT_TEXT_SIZE];
	char open[EVENT_NAME_SIZE];
};

struct ask *ask_create(struct ui *ui, const char *open, const char *format, ...)
{
	struct ask *a = calloc(1, sizeof *a);
	va_list args;

	if (!a) {
		ui_say_bad(ui, "Out of memory.");
		return NULL;
	}
	a->ui = ui;
	snprintf(a->open, sizeof a->open, "%s", open ? open : "");
	va_start(args, format);
	vsnprintf(a->done, sizeof a->done, format, args);
	va_end(args);
	return a;
}

static void say_refused(struct ask *a, const struct gnatter_answer *answer)
{
	struct event e = {.type = EVENT_NOTICE, .failed = true};

	if (strcmp(answer->code, "timeout") == 0)
		snprintf(e.text, sizeof e.text,
			"No answer came; it may have been done all the same.");
	else
		snprintf(e.text, sizeof e.text, "Refused: %s.",
			*answer->message ? answer->message : answer->code);
	events_put(a->ui->events, &e);
}

void ask_answered(void *ctx, struct gnatter *g, const struct gnatter_answer *answer)
{
	struct ask *a = ctx;
	struct event e = {.type = EVENT_NOTICE};

	(void)g;
	if (*answer->code) {
		say_refused(a, answer);
		free(a);
		return;
	}
	snprintf(e.text, sizeof e.text, "%s", a->done);
	if (*e.text)
		events_put(a->ui->events, &e);
	if (*a->open)
		events_note(a->ui->events, EVENT_OPEN, a->open, NULL);
	free(a);
}

void ask_begun(struct ask *a, enum gnatter_error e)
{
	if (!ui_check(a->ui, e))
		free(a);
}
