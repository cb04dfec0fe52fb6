/* tmux.c — see tmux.h. */
#include "tests/support/tmux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/proc.h"

#define ARGS_MAX 64

struct tmux {
	char dir[32];
	bool closed;
};

/* Nothing of the machine's; keys are what they are, at once. */
static const char settings[] = "set -g default-terminal screen-256color\n"
			       "set -g status off\n"
			       "set -g history-limit 0\n"
			       "set -s escape-time 0\n"
			       "set -g prefix None\n"
			       "set -g allow-rename off\n";

static const char *socket_of(const struct tmux *t)
{
	return case_printf("%s/socket", t->dir);
}

static struct run call(struct tmux *t, const char *input, const char *const args[])
{
	const char *argv[ARGS_MAX] = {
		"tmux", "-u", "-S", socket_of(t), "-f", case_printf("%s/conf", t->dir)};
	size_t n = 6;

	while (*args) {
		assert_true(n < ARGS_MAX - 1);
		argv[n++] = *args++;
	}
	return run_spec(argv, input,
		&(struct proc_spec){.env = (const char *[]){"LC_ALL=C.UTF-8", "TMUX=", NULL}});
}

static char *ask(struct tmux *t, const char *input, const char *const args[])
{
	struct run r = call(t, input, args);

	if (r.code != 0)
		case_fail("tmux %s ends with %d: %s", args[0], r.code, r.err);
	return r.out;
}
#define ASK(t, ...) ask((t), NULL, (const char *const[]){__VA_ARGS__, NULL})

/* The number in a file, -1 if it is not there yet. */
static int number_in(struct tmux *t, const char *name)
{
	char *text = slurp(case_printf("%s/%s", t->dir, name), NULL);

	return text ? atoi(text) : -1;
}

bool tmux_running(struct tmux *t)
{
	return number_in(t, "code") < 0;
}

static bool is_over(void *arg)
{
	return !tmux_running(arg);
}

static void report_tmux(void *arg)
{
	struct tmux *t = arg;
	struct run r;

	if (t->closed)
		return;
	r = call(t, NULL, (const char *const[]){"capture-pane", "-p", NULL});
	fprintf(stderr, "=== the screen\n%s%s===\n", r.out, r.err);
}

/* What hangs up still has things to put away, which the next test would find in use. */
static void undo_tmux(void *arg, bool failed)
{
	struct tmux *t = arg;

	(void)failed;
	tmux_close(t);
	if (number_in(t, "pid") > 0)
		case_wait(is_over, t);
	case_forget_report(t);
	run((const char *const[]){"rm", "-rf", t->dir, NULL});
}

void tmux_close(struct tmux *t)
{
	if (!t->closed)
		call(t, NULL, (const char *const[]){"kill-server", NULL});
	t->closed = true;
}

/* Who the program is and how it ended is written into files: tmux 3.3 knows the latter only
 * sometimes. That all it wrote has come to the screen is told by the title, set behind it; then the
 * terminal stays, since tmux moves what is on a dead one. The shell outlives what the terminal
 * tells its programs to end with, and hands on what the kernel tells only the first of them. */
static const char wrapper[] = "dir=$1; shift\n"
			      "exec 3<&0\n"
			      "env --default-signal=INT,QUIT \"$@\" <&3 3<&- &\n"
			      "child=$!\n"
			      "trap 'kill -HUP $child' HUP\n"
			      "trap : INT QUIT TERM\n"
			      "echo $child >\"$dir/pid.new\"\n"
			      "mv \"$dir/pid.new\" \"$dir/pid\"\n"
			      "wait $child; code=$?\n"
			      "while kill -0 $child; do wait $child; code=$?; done 2>/dev/null\n"
			      "echo $code >\"$dir/code.new\"\n"
			      "mv \"$dir/code.new\" \"$dir/code\"\n"
			      "printf '\\033\\\\\\033]2;over\\033\\\\'\n"
			      "exec sleep 1000000\n";

/* tmux has its own idea of what a program inherits, so env(1) tells it. */
static void start_session(struct tmux *t, const struct tmux_opts *o)
{
	const char *args[ARGS_MAX] = {"new-session", "-d", "-x",
		case_printf("%d", o->columns ? o->columns : 80), "-y",
		case_printf("%d", o->rows ? o->rows : 24)};
	size_t n = 6;

	if (o->folder) {
		args[n++] = "-c";
		args[n++] = o->folder;
	}
	args[n++] = "sh";
	args[n++] = case_printf("%s/wrapper", t->dir);
	args[n++] = t->dir;
	args[n++] = "LC_ALL=C.UTF-8";
	for (const char *const *e = o->env; e && *e && n < 40; e++)
		args[n++] = *e;
	for (const char *const *a = o->argv; *a; a++) {
		assert_true(n < 50);
		args[n++] = *a;
	}
	args[n] = NULL;
	ask(t, NULL, args);
}

struct tmux *tmux_start(const struct tmux_opts *o)
{
	struct tmux *t = case_alloc(sizeof(*t));

	snprintf(t->dir, sizeof(t->dir), "/tmp/gn-tmux-XXXXXX");
	if (!mkdtemp(t->dir))
		case_fail("cannot make %s: %s", t->dir, strerror(errno));
	spill(case_printf("%s/conf", t->dir), settings, strlen(settings));
	spill(case_printf("%s/wrapper", t->dir), wrapper, strlen(wrapper));
	case_defer(undo_tmux, t);
	case_on_failure(report_tmux, t);
	start_session(t, o);
	return t;
}

/* --- in ------------------------------------------------------------------------------------- */

/* tmux takes what follows -l as it is, but for a semicolon at its end. */
void tmux_type(struct tmux *t, const char *text)
{
	size_t len = strlen(text);

	if (len > 0 && text[len - 1] == ';')
		text = case_printf("%.*s\\;", (int)(len - 1), text);
	ASK(t, "send-keys", "-l", "--", text);
}

void tmux_key(struct tmux *t, const char *key)
{
	ASK(t, "send-keys", "--", key);
}

void tmux_paste(struct tmux *t, const char *text)
{
	ask(t, text, (const char *const[]){"load-buffer", "-", NULL});
	ASK(t, "paste-buffer", "-p", "-d", "-r");
}

void tmux_resize(struct tmux *t, int columns, int rows)
{
	ASK(t, "resize-window", "-x", case_printf("%d", columns), "-y", case_printf("%d", rows));
}

/* --- out ------------------------------------------------------------------------------------ */

char *tmux_screen(struct tmux *t)
{
	return ASK(t, "capture-pane", "-p");
}

char *tmux_screen_styled(struct tmux *t)
{
	return ASK(t, "capture-pane", "-p", "-e");
}

static char *format(struct tmux *t, const char *what)
{
	return ASK(t, "display-message", "-p", what);
}

static int height(struct tmux *t)
{
	return atoi(format(t, "#{pane_height}"));
}

char *tmux_row(struct tmux *t, int row)
{
	char *at = tmux_screen(t);

	for (; row > 0 && *at; row--) {
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	at[strcspn(at, "\n")] = '\0';
	return at;
}

bool tmux_holds(struct tmux *t, const char *text)
{
	return strstr(tmux_screen(t), text) != NULL;
}

struct look {
	struct tmux *tmux;
	const char *text;
	int row;
};

static bool is_there(void *arg)
{
	struct look *l = arg;

	return tmux_holds(l->tmux, l->text);
}

static bool is_gone(void *arg)
{
	return !is_there(arg);
}

static bool is_in_row(void *arg)
{
	struct look *l = arg;
	int row = l->row < 0 ? height(l->tmux) + l->row : l->row;

	return strstr(tmux_row(l->tmux, row), l->text) != NULL;
}

void tmux_wait(struct tmux *t, const char *text)
{
	if (!case_wait(is_there, &(struct look){t, text, 0}))
		case_fail("the screen should hold '%s'", text);
}

void tmux_wait_row(struct tmux *t, int row, const char *text)
{
	if (!case_wait(is_in_row, &(struct look){t, text, row}))
		case_fail("row %d should hold '%s'", row, text);
}

void tmux_wait_gone(struct tmux *t, const char *text)
{
	if (!case_wait(is_gone, &(struct look){t, text, 0}))
		case_fail("the screen should not hold '%s' any more", text);
}

struct tmux_cursor tmux_cursor(struct tmux *t)
{
	struct tmux_cursor c = {0};
	int visible = 0;

	if (sscanf(format(t, "#{cursor_x} #{cursor_y} #{cursor_flag}"), "%d %d %d", &c.column,
		    &c.row, &visible) != 3)
		case_fail("tmux does not tell where the cursor is");
	c.visible = visible;
	return c;
}

/* --- the program ---------------------------------------------------------------------------- */

static bool has_pid(void *arg)
{
	return number_in(arg, "pid") > 0;
}

int tmux_pid(struct tmux *t)
{
	if (!case_wait(has_pid, t))
		case_fail("the program in the terminal does not start");
	return number_in(t, "pid");
}

/* And all that it wrote is on the screen. */
static bool has_ended(void *arg)
{
	struct tmux *t = arg;

	return !tmux_running(t) &&
	       (t->closed || strncmp(format(t, "#{pane_title}"), "over\n", 5) == 0);
}

int tmux_wait_end(struct tmux *t)
{
	if (!case_wait(has_ended, t))
		case_fail("the program in the terminal does not end");
	return number_in(t, "code");
}
