/* tmux_test.c — that the terminal which programs are tried in is one. */
#include "tests/support/tmux.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/case.h"

/* A shell with as little of its own as possible. */
static struct tmux *shell(const char *script)
{
	const char *argv[] = {"sh", "-c", script, NULL}, *env[] = {"WORD=a word", NULL};

	return tmux_start(&(struct tmux_opts){.argv = argv, .env = env, .folder = "/"});
}

static void test_screen(void **state)
{
	struct tmux *t = shell("printf '\\033[2J\\033[3;5H\\033[1mbold\\033[0m g\\303\\274n';"
			       "echo \" $WORD $TERM $PWD\"; stty size; read x");
	struct tmux_cursor c;

	(void)state;
	tmux_wait(t, "24 80");
	assert_string_equal(tmux_row(t, 2), "    bold gün a word screen-256color /");
	tmux_wait_row(t, -21, "24 80");
	assert_non_null(strstr(tmux_screen_styled(t), "\033[1mbold"));
	assert_null(strchr(tmux_screen(t), '\033'));
	c = tmux_cursor(t);
	assert_int_equal(c.row, 4);
	assert_int_equal(c.column, 0);
	assert_true(c.visible);
	assert_true(tmux_running(t));
	tmux_key(t, "Enter");
	assert_int_equal(tmux_wait_end(t), 0);
	assert_true(tmux_holds(t, "24 80"));
}

/* Keys come as they were pressed, whatever tmux might make of them. */
static void test_keys(void **state)
{
	struct tmux *t = shell(
		"stty raw opost -echo; echo ready; dd bs=1 count=22 2>/dev/null | od -An -c -w11");

	(void)state;
	tmux_wait(t, "ready");
	tmux_type(t, "-a;");
	tmux_type(t, "ü Enter");
	tmux_key(t, "Enter");
	tmux_key(t, "C-c");
	tmux_key(t, "Escape");
	tmux_key(t, "Up");
	tmux_key(t, "M-x");
	tmux_key(t, "BSpace");
	tmux_type(t, "zz");
	assert_int_equal(tmux_wait_end(t), 0);
	assert_true(tmux_holds(t, "-   a   ; 303 274       E   n   t   e   r"));
	assert_true(tmux_holds(t, "\\r 003 033 033   [   A 033   x 177   z   z"));
}

/* In brackets only for whom they mean something. */
static void test_paste(void **state)
{
	struct tmux *t =
		shell("stty raw -echo; printf '\\033[?2004hready'; "
		      "dd bs=1 count=17 2>/dev/null | od -An -c; "
		      "printf '\\033[?2004lthen'; dd bs=1 count=3 2>/dev/null | od -An -c");

	(void)state;
	tmux_wait(t, "ready");
	tmux_paste(t, "a\nb; ");
	tmux_wait(t, "then");
	assert_true(
		tmux_holds(t, "033   [   2   0   0   ~   a  \\n   b   ;     033   [   2   0   1"));
	tmux_paste(t, "xyz");
	assert_int_equal(tmux_wait_end(t), 0);
	assert_true(tmux_holds(t, "x   y   z"));
}

static void test_resize(void **state)
{
	struct tmux *t = shell("trap 'clear; stty size' WINCH; echo ready; "
			       "while :; do sleep 0.01; done");

	(void)state;
	tmux_wait(t, "ready");
	tmux_resize(t, 33, 10);
	tmux_wait_row(t, 0, "10 33");
	tmux_wait_gone(t, "ready");
	tmux_resize(t, 200, 60);
	tmux_wait_row(t, 0, "60 200");
}

/* Quick ends, too. */
static void test_ends(void **state)
{
	struct tmux *t = shell("exit 7");

	(void)state;
	assert_int_equal(tmux_wait_end(t), 7);
	t = shell("kill -TERM $$");
	assert_int_equal(tmux_wait_end(t), 128 + SIGTERM);
}

static void test_close(void **state)
{
	struct tmux *t = shell("echo ready; exec sleep 1000");

	(void)state;
	tmux_wait(t, "ready");
	assert_int_equal(kill(tmux_pid(t), 0), 0);
	tmux_close(t);
	assert_int_equal(tmux_wait_end(t), 128 + SIGHUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_screen),
		SYSTEM(test_keys),
		SYSTEM(test_paste),
		SYSTEM(test_resize),
		SYSTEM(test_ends),
		SYSTEM(test_close),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
